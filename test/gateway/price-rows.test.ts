/** Prices over time: dated rows, hours of the week, wildcards, units, and the rows of the built-in overlay. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cost, costOf, priceInBatch, unitCost, usd } from '../../gateway/core/money/price.ts';
import { type PriceHours, priceAt, weekdays } from '../../gateway/core/money/price-schedule.ts';
import { createPriceBook } from '../../gateway/prices/price-book.ts';
import { scheduleOf } from '../../gateway/prices/price-entry.ts';
import { priceFileOf } from '../../gateway/prices/price-file.ts';
import { parseUsage } from '../../gateway/providers/openai/parsing/reading.ts';

const prices = createPriceBook({});
const inputAt = (provider: string, model: string, at: string): number | undefined => {
  const price = prices(provider, model, Date.parse(at));
  return price && usd(price.input);
};

describe('DeepSeek by date and hour', () => {
  test.each([
    ['deepseek-flash', 'Sunday morning in Beijing', '2026-11-29T02:00Z', 0.15],
    ['deepseek-flash', 'Monday morning in Beijing', '2026-11-30T02:00Z', 0.3],
    ['deepseek-flash', 'Monday at noon', '2026-11-30T04:00Z', 0.15],
    ['deepseek-flash', 'Monday in the afternoon', '2026-11-30T06:00Z', 0.3],
    ['deepseek-flash', 'Monday evening', '2026-11-30T10:00Z', 0.15],
    ['deepseek-flash', 'a public holiday', '2026-10-01T02:00Z', 0.15],
    ['deepseek-v4-flash', 'its old name', '2026-11-30T02:00Z', 0.3],
    ['deepseek-v4-pro', 'a Saturday before weekends were off-peak', '2026-08-22T02:00Z', 1.32],
    ['deepseek-v4-pro', 'the Sunday after', '2026-08-23T02:00Z', 0.66],
    ['deepseek-v4-pro', 'before there were hours', '2026-08-11T02:00Z', 0.435],
    ['deepseek-chat', 'the time of V3.2', '2026-01-05T12:00Z', 0.28],
    ['deepseek-chat', 'earlier still, from the table', '2025-03-03T12:00Z', 0.27],
  ] as const)('%s: %s', (model, _, at, input) => {
    expect(inputAt('deepseek', model, at)).toBeCloseTo(input, 9);
  });
});

test.each([
  ['qwen', 'qwen-plus', 0.4],
  ['qwen', 'qwen3-max-2026-01-23', 1.2],
  ['fireworks', 'accounts/fireworks/models/deepseek-v3p1', 0.56],
  ['fireworks', 'accounts/fireworks/models/llama-v3p3-70b-instruct', 0.9],
  ['zai', 'glm-4.6', 0.6],
  ['zai', 'glm-5.3', 1.4],
  ['together', 'Qwen/Qwen3-235B-A22B-Instruct-2507-tput', 0.2],
  ['together', 'Qwen/Qwen3.7-Max', 1.25],
  ['tokenmix', 'gpt-5', 1.25],
  ['tokenmix', 'deepseek-flash', 0.15],
  ['azure', 'grok-4', 3],
])('%s/%s has a price', (provider, model, input) => {
  expect(inputAt(provider, model, '2026-11-29T02:00Z')).toBeCloseTo(input, 9);
});

test("a relay's price is its maker's, and says that it is an estimate", () => {
  const price = prices('tokenmix', 'claude-sonnet-4-5', Date.UTC(2026, 10, 1))!;
  expect(cost({ input: 100_000, output: 0, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' }, price)).toMatchObject({
    total: 3e8,
    state: 'estimated',
  });
});

test("0 ticks for a response that used tokens are no bill: a host of xAI's models does not state what it bills", () => {
  const usage = parseUsage({ prompt_tokens: 1_000_000, completion_tokens: 0, cost_in_usd_ticks: 0 })!;
  expect(usage.billed).toBeUndefined();
  expect(costOf(usage, prices('azure', 'grok-4', Date.UTC(2026, 10, 1)))).toMatchObject({ total: 3e9, state: 'table' });
  expect(parseUsage({ prompt_tokens: 10, completion_tokens: 5, cost_in_usd_ticks: 370_000 })!.billed).toBe(37_000);
});

describe('Configured prices', () => {
  const rows = [
    { input: 1, output: 2, until: '2026-06-01' },
    { input: 3, output: 4, from: '2026-06-01', until: '2026-09-01' },
    { input: 5, output: 6, from: '2026-08-01' },
  ];
  const own = createPriceBook({
    'a/m': rows,
    'a/m-*': { input: 7, output: 8 },
    'a/*': { input: 9, output: 10 },
    'openai/*': { input: 20, output: 21, from: '2026-11-01' },
  });
  const priced = (model: string, at: string) => usd(own('a', model, Date.parse(at))!.input);

  test('of rows that are valid at once, the one that began last counts', () => {
    expect(['2026-05-31T23:59Z', '2026-06-01', '2026-08-01', '2026-12-01'].map(at => priced('m', at))).toEqual([1, 3, 5, 5]);
  });

  test('a full name goes before a beginning, and a long beginning before a short one', () => {
    expect([priced('m', '2026-12-01'), priced('m-1', '2026-12-01'), priced('other', '2026-12-01')]).toEqual([5, 7, 9]);
  });

  test('before the first row begins, the table applies', () => {
    expect(own('openai', 'gpt-4o', Date.UTC(2026, 9, 1))!.id).toMatch(/^genai-prices/);
    expect(own('openai', 'gpt-4o', Date.UTC(2026, 10, 1))).toMatchObject({ id: 'config/openai/*@2026-11-01', input: 20e9 });
  });

  test('every kind of token has its price, and none is counted twice', () => {
    const [{ price }] = scheduleOf('config/x/y', {
      ...{ input: 1, output: 10, cached: 2, cache_write: 3, cache_write_1h: 4, audio_input: 5, audio_cached: 6, image_input: 7 },
      ...{ audio_output: 20, image_output: 30, reasoning: 40, per_request: 0.5, per_search: 0.25 },
    }) as [{ price: Parameters<typeof cost>[1] }];
    const used = {
      ...{ input: 1_000_000, cached: 100_000, audioCached: 40_000, cacheWrite: 200_000, cacheWriteHour: 50_000 },
      ...{ audioInput: 140_000, imageInput: 300_000, output: 1_000_000, audioOutput: 100_000, imageOutput: 200_000, reasoning: 300_000 },
      ...{ searches: 2, source: 'provider' as const },
    };
    const input = 0.3 * 1 + 0.1 * 5 + 0.3 * 7 + 0.06 * 2 + 0.04 * 6 + 0.15 * 3 + 0.05 * 4;
    const output = 0.4 * 10 + 0.1 * 20 + 0.2 * 30 + 0.3 * 40 + 0.5 + 2 * 0.25;
    const known = cost(used, price);
    expect([usd(known.input), usd(known.output), known.state]).toEqual(
      [input, output, 'config'].map(x => (typeof x === 'number' ? Number(x.toFixed(9)) : x)),
    );
  });

  test('images, characters and seconds have prices, and a batch has a share or a price of its own', () => {
    const units = createPriceBook({
      'a/i': { per_image: { '1024x1024': 0.04, 'hd 1024x1024': 0.08, '*': 0.1 } },
      'a/s': { per_second: 0.0001 },
      'a/b': { input: 4, output: 8, batch: { input: 1, output: 2 } },
      'a/c': { input: 4, output: 8, batch: 0.25 },
    });
    const image = units('a', 'i', 0)!;
    const drawn = (size: string, quality: string) => unitCost({ images: { count: 2, size, quality } }, image)?.total;
    expect([drawn('1024x1024', 'standard'), drawn('1024x1024', 'hd'), drawn('1x1', 'standard')]).toEqual([80e6, 160e6, 200e6]);
    expect(unitCost({ seconds: 60 }, units('a', 's', 0)!)?.total).toBe(6e6);
    expect(costOf({ input: 5, output: 5, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' }, image)).toBeUndefined();
    expect(priceInBatch(units('a', 'b', 0), 0.5)).toMatchObject({ id: 'config/a/b+batch', input: 1e9, output: 2e9 });
    expect(priceInBatch(units('a', 'c', 0), 0.5)).toMatchObject({ input: 1e9, output: 2e9 });
    expect(priceInBatch(prices('openai', 'gpt-4o', 0), undefined)).toBeUndefined();
  });
});

test('a price file goes after the configuration and before the built-in table, in either form', () => {
  const origin = { source: 'x', updatedAt: '2026-12-01T00:00:00Z' };
  const entries = priceFileOf('{"openai/gpt-4o":{"input":1,"output":2}}', origin, value => value as never)!;
  expect(entries.version).toMatch(/^prices@[0-9a-f]{8}$/);
  expect(createPriceBook({}, entries)('openai', 'gpt-4o', 0)).toMatchObject({ id: `${entries.version}/openai/gpt-4o`, input: 1e9 });
  expect(createPriceBook({ 'openai/*': { input: 9, output: 9 } }, entries)('openai', 'gpt-4o', 0)!.input).toBe(9e9);
  const table = [
    {
      ...{ id: 'openai', name: 'OpenAI', api_pattern: 'x' },
      models: [
        {
          ...{ id: 'gpt-4o', match: { equals: 'gpt-4o' } },
          prices: [
            { prices: { input_mtok: 1, output_mtok: 2 } },
            { constraint: { start_date: '2026-11-01' }, prices: { input_mtok: 3, output_mtok: 4 } },
          ],
        },
      ],
    },
  ];
  const file = priceFileOf(JSON.stringify(table), origin, () => ({}))!;
  const book = createPriceBook({}, file);
  expect([Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 2)].map(at => usd(book('openai', 'gpt-4o', at)!.input))).toEqual([1, 3]);
  expect(book('anthropic', 'claude-sonnet-4-5', 0)!.id).toMatch(/^genai-prices/);
  expect(priceFileOf('[{"a":1}]', origin, () => ({}))).toBeUndefined();
});

const minute = fc.integer({ min: 0, max: 1440 });
const span = fc.record({ days: fc.subarray([...weekdays]), fromMinute: minute, untilMinute: minute, share: fc.constant(2) });

test('a span covers the same minutes as a clock that counts them one by one', () => {
  fc.assert(
    fc.property(span, fc.integer({ min: 0, max: 14 * 1440 - 1 }), ({ share, ...hours }, offset) => {
      // 2026-06-01 was a Monday; Shanghai is 8 hours ahead all year.
      const monday = Date.UTC(2026, 5, 1) - 8 * 3_600_000;
      const spanned: PriceHours = { ...hours, zone: 'Asia/Shanghai', except: [], price: share };
      const price = priceAt([{ price: { id: 'p', input: 1, output: 1 }, hours: [spanned] }], monday + offset * 60_000)!;
      const length =
        hours.untilMinute > hours.fromMinute ? hours.untilMinute - hours.fromMinute : hours.untilMinute + 1440 - hours.fromMinute;
      // The week before counts as well: its Sunday may reach into Monday.
      const isCovered = Array.from({ length: 21 }, (_, day) => day - 7).some(day => {
        const start = day * 1440 + hours.fromMinute;
        return hours.days.includes(weekdays[(day + 7) % 7]!) && offset >= start && offset < start + length;
      });
      expect(price.input).toBe(isCovered ? 2 : 1);
    }),
    { numRuns: 300 },
  );
});

test('hours follow summer time', () => {
  const [row] = scheduleOf('x', { input: 1, output: 1, hours: [{ from: '09:00', to: '10:00', tz: 'Europe/Berlin', share: 2 }] });
  const at = (text: string) => usd(priceAt([row!], Date.parse(text))!.input);
  expect([at('2026-07-01T07:30Z'), at('2026-07-01T08:30Z'), at('2026-12-01T08:30Z')]).toEqual([2, 1, 2]);
});
