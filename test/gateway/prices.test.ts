/** The price book: configured prices, prices of `simulated`, then the table, which is checked against providers' bills. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { cost, costOf, priceAtTier, usd } from '../../gateway/core/money/price.ts';
import { createPriceBook } from '../../gateway/prices/price-book.ts';
import { tableVersion } from '../../gateway/prices/table-price.ts';
import { objectOf, parseUsage } from '../../gateway/providers/openai/parsing/reading.ts';
import { recordedRows, recording, unlessRecorded } from '../recordings.ts';

const at = Date.UTC(2026, 9, 1);
const prices = createPriceBook({});

describe('What a model costs', () => {
  test.each([
    ['openai', 'gpt-4o-mini', 0.15, 0.6, 0.075],
    ['openai', 'gpt-4o-mini-2024-07-18', 0.15, 0.6, 0.075],
    ['anthropic', 'claude-sonnet-4-5', 3, 15, 0.3],
    ['google', 'gemini-2.5-flash', 0.3, 2.5, 0.03],
  ])('%s/%s', (provider, model, input, output, cached) => {
    expect(prices(provider, model, at)).toMatchObject({ input: input * 1e9, output: output * 1e9, cached: cached * 1e9 });
  });

  test('simulated models have built-in prices, whatever their simulated behaviour', () => {
    expect(prices('simulated', 'small', at)).toEqual({ id: 'hindcast@2/simulated/small', input: 100_000_000, output: 400_000_000 });
    expect(prices('simulated', 'large:status=429', at)).toMatchObject({ input: 2_000_000_000, output: 8_000_000_000 });
    expect(prices('simulated', 'other', at)).toBeUndefined();
    expect(prices('simulated', 'constructor', at)).toBeUndefined();
  });

  test('an unknown model has no price, which is not a price of 0', () => {
    for (const [provider, model] of [
      ['openai', 'no-such-model'],
      ['no-such-provider', 'gpt-4o-mini'],
      ['', 'gpt-4o-mini'],
      ['openai', ''],
      ['openai', 'x'.repeat(10_000)],
    ] as const) {
      expect(prices(provider, model, at), `${provider}/${model.slice(0, 20)}`).toBeUndefined();
    }
  });

  test('a model that the table calls free costs nothing; one that it lists without a price has no known price', () => {
    expect(prices('openrouter', 'deepseek/deepseek-r1:free', at)).toMatchObject({ input: 0, output: 0 });
    expect(prices('cerebras', 'qwen-3-coder-480b', at)).toBeUndefined();
  });

  test('a price names the table and its version, so that a record can be priced again', () => {
    expect(prices('openai', 'gpt-4o-mini', at)!.id).toBe(`${tableVersion}/openai/gpt-4o-mini`);
  });

  test('a configured price wins over every other, a price of 0 included', () => {
    const own = createPriceBook({
      'openai/gpt-4o-mini': { input: 0, output: 0 },
      'local/llama': { input: 0.05, output: 0.1, cached: 0.01, cache_write: 0.06 },
    });
    expect(own('openai', 'gpt-4o-mini', at)).toEqual({ id: 'config/openai/gpt-4o-mini', input: 0, output: 0 });
    expect(own('local', 'llama', at)).toEqual({
      id: 'config/local/llama',
      input: 50_000_000,
      output: 100_000_000,
      cached: 10_000_000,
      cacheWrite: 60_000_000,
    });
    expect(own('openai', 'gpt-4o', at)).toEqual(prices('openai', 'gpt-4o', at));
  });

  test('prices are whole nano-dollars', () => {
    for (const model of ['gpt-4o', 'gpt-4.1-nano', 'o3', 'gpt-5-mini']) {
      const { input, output, cached = 0 } = prices('openai', model, at)!;
      for (const rate of [input, output, cached]) expect(Number.isSafeInteger(rate)).toBe(true);
    }
  });

  test('ten thousand unknown names evict no known price', () => {
    for (let i = 0; i < 10_000; i++) expect(prices('openai', `no-such-model-${i}`, at)).toBeUndefined();
    expect(prices('openai', 'gpt-4o-mini', at)).toMatchObject({ input: 150_000_000 });
  });
});

interface Bill {
  readonly provider: string;
  readonly model_served: string;
  readonly upstream_provider: string | null;
  readonly cost_usd: number;
  readonly usage: JsonObject;
  readonly date: string | null;
  readonly suspect?: unknown;
}

describe(`Bills that providers stated${unlessRecorded('prices/cost_oracle.jsonl')}`, () => {
  const bills = recordedRows<Bill>('prices/cost_oracle.jsonl').filter(bill => !bill.suspect);

  /** The vendors' own bills, for which the table's list price applies. The price of a resold model changes with the reseller. */
  const isOfVendor = (bill: Bill): boolean => bill.provider === 'xai' || bill.upstream_provider === 'Anthropic';

  type Judgement = 'same' | 'another' | 'unknown';
  const judge = (bill: Bill): Judgement => {
    const usage = parseUsage(inChatForm(bill.usage))!;
    const price = prices(
      bill.provider === 'xai' ? 'x-ai' : 'openrouter',
      bill.model_served,
      bill.date === null ? at : Date.parse(bill.date),
    );
    if (!price) return 'unknown';
    const ours = usd(cost(usage, price).total);
    const billed = billedFor(bill);
    return Math.abs(ours - billed) <= 0.01 * billed ? 'same' : 'another';
  };
  const count = (some: readonly Bill[]): Readonly<Record<Judgement, number>> => {
    const judged = some.map(judge);
    const of = (wanted: Judgement): number => judged.filter(judgement => judgement === wanted).length;
    return { same: of('same'), another: of('another'), unknown: of('unknown') };
  };

  test.skipIf(bills.length === 0)('where the vendor himself billed, we come to the same within 1 %', () => {
    expect(count(bills.filter(isOfVendor))).toEqual({ same: 20, another: 0, unknown: 0 });
  });

  test.skipIf(bills.length === 0)('of all of them, resold ones included, we come to the same in more than half', () => {
    expect(count(bills)).toEqual({ same: 109, another: 64, unknown: 7 });
  });

  /** Why the bill differs from the list price, from the bill's fields. */
  const reasonOf = (bill: Bill): string => {
    const { usage, model_served: model, upstream_provider: upstream } = bill;
    if (judge(bill) === 'unknown') return 'the table does not list it';
    const { upstream_inference_prompt_cost: prompt, upstream_inference_completions_cost: completions } = objectOf(usage.cost_details);
    const parts = typeof prompt === 'number' && typeof completions === 'number' ? prompt + completions : undefined;
    if (parts !== undefined && parts < 0.99 * billedFor(bill)) return 'a fee for searching stands beside the tokens';
    const maker = /^(google|openai|x-ai|mistralai|z-ai)\//.exec(model)?.[1];
    const makers: Record<string, RegExp> = { google: /Google/, openai: /OpenAI/, 'x-ai': /xAI/, mistralai: /Mistral/, 'z-ai': /Z\.AI/ };
    const isMaker = maker !== undefined && (upstream === null || makers[maker]!.test(upstream));
    return isMaker && !model.includes('oss') ? "the maker's price was another that day" : "a reseller's price of the hour";
  };

  test.skipIf(bills.length === 0)('what does not match has a reason that is not ours', () => {
    const reasons = bills.filter(bill => judge(bill) !== 'same').map(reasonOf);
    const counted = Object.fromEntries([...Map.groupBy(reasons, reason => reason)].map(([reason, all]) => [reason, all.length]));
    expect(counted).toEqual({
      'a fee for searching stands beside the tokens': 7,
      "a reseller's price of the hour": 46,
      "the maker's price was another that day": 11,
      'the table does not list it': 7,
    });
  });

  test.skipIf(bills.length === 0)('what a provider states is what the record says it cost', () => {
    for (const bill of bills) {
      const usage = parseUsage(inChatForm(bill.usage))!;
      const price = prices('openrouter', bill.model_served, at);
      const stated = costOf(usage, price)!;
      expect(Math.abs(usd(stated.total) - billedFor(bill)), bill.model_served).toBeLessThan(1e-9);
      expect(stated).toMatchObject({ priceId: 'stated', total: stated.input + stated.output });
    }
  });
});

/** The Responses API uses other names for the same counts. */
const inChatForm = (usage: JsonObject): JsonObject =>
  'input_tokens' in usage
    ? {
        prompt_tokens: usage.input_tokens!,
        completion_tokens: usage.output_tokens!,
        prompt_tokens_details: objectOf(usage.input_tokens_details),
        completion_tokens_details: objectOf(usage.output_tokens_details),
        ...Object.fromEntries(Object.entries(usage).filter(([name]) => /^cost|^is_byok/.test(name))),
      }
    : usage;

/** With the caller's own key the vendor bills the caller, and reports the amount. */
function billedFor({ cost_usd: billed, usage }: Bill): number {
  const upstream = objectOf(usage.cost_details).upstream_inference_cost;
  return billed === 0 && typeof upstream === 'number' ? upstream : billed;
}

interface ListedTier {
  readonly name: string;
  readonly prices: { readonly input?: number; readonly output?: number };
}
const others = recording('prices/langfuse_default-model-prices.json');
const tiered = others
  ? (JSON.parse(readFileSync(others, 'utf8')) as { readonly modelName: string; readonly pricingTiers?: readonly ListedTier[] }[]).flatMap(
      ({ modelName, pricingTiers = [] }) =>
        pricingTiers
          .filter(({ name }) => name === 'Flex' || name === 'Fast mode')
          .map(({ name, prices }) => ({
            model: modelName,
            tier: name === 'Flex' ? 'flex' : 'priority',
            prices,
            plain: pricingTiers.find(tier => tier.name === 'Standard')!.prices,
          })),
    )
  : [];

const near = (mine: number | undefined, theirs: number): boolean => Math.abs((mine ?? 0) / 1e15 / theirs - 1) < 0.005;

test(`what OpenAI's service tiers cost is what another table says${unlessRecorded('prices/langfuse_default-model-prices.json')}`, () => {
  const wrong = tiered.flatMap(({ model, tier, prices: sent, plain }) => {
    const price = model.startsWith('claude') ? undefined : prices('openai', model, at);
    // Where the tables differ in the price itself, the factors cannot be compared.
    if (!price || !near(price.input, plain.input!)) return [];
    const ours = priceAtTier(price, tier);
    return near(ours?.input, sent.input!) && near(ours?.output, sent.output!) ? [] : [`${model} ${tier}`];
  });
  expect(wrong).toEqual([]);
});

test('an hour in the cache costs twice the input at Anthropic, and a tier without a known price is unpriced', () => {
  const price = prices('anthropic', 'claude-sonnet-4-5', at)!;
  expect(price.cacheWriteHour).toBe(2 * price.input);
  expect(priceAtTier(price, 'standard')).toBe(price);
  expect(priceAtTier(price, 'priority')).toBeUndefined();
  const own = createPriceBook({ 'anthropic/x': { input: 1, output: 2, cache_write_1h: 3, service_tiers: { priority: 1.5 } } })(
    'anthropic',
    'x',
    at,
  );
  expect(own?.cacheWriteHour).toBe(3e9);
  expect(priceAtTier(own, 'priority')).toMatchObject({ id: 'config/anthropic/x+priority', input: 1.5e9, output: 3e9 });
});
