/** The gateway does with a certified threshold what eval predicted: every request goes through the real router. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { parseOutcomes } from '../../eval/outcomes/file.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf, withThresholds } from '../../eval/policies/chain.ts';
import { trialRunner } from '../../eval/policies/trials.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { randomGenerator } from '../../statistics/index.ts';
import { type Responder, startGateway, startUpstream } from '../gateway/harness.ts';
import { recording, unlessRecorded } from '../recordings.ts';

const [cheap, dear] = ['local/cheap', 'local/dear'];
const chain = chainOf(`${cheap},${dear}`, new Map()) as Chain;

/** Answers every request as it was recorded: its confidence as the probability of its one token. */
const recordedAnswers =
  (items: ReadonlyMap<string, Item>): Responder =>
  (response, { body }) => {
    const { model, messages } = JSON.parse(body) as { model: string; messages: { content: string }[] };
    const outcome = items.get(messages[0]!.content)!.outcomes.get(`local/${model}`)!;
    const logprob = Math.log(outcome.signals.scorer ?? 1);
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model },
        choices: [
          {
            ...{ index: 0, message: { role: 'assistant', content: 'an answer' }, finish_reason: 'stop' },
            logprobs: { content: [{ token: 'x', logprob, bytes: null, top_logprobs: [] }], refusal: null },
          },
        ],
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      }),
    );
  };

/** Asks every item, ten at a time. */
async function execute(yaml: string, items: readonly Item[], model: string): Promise<Map<string, Exchange>> {
  await using gateway = await startGateway(yaml);
  const ask = async ({ id }: Item) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: id }], logprobs: true }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  };
  for (let i = 0; i < items.length; i += 10) await Promise.all(items.slice(i, i + 10).map(ask));
  const idOf = (e: Exchange): string =>
    (JSON.parse(Buffer.from(e.request).toString()) as { messages: { content: string }[] }).messages[0]!.content;
  return new Map(gateway.sink.exchanges.map(e => [idOf(e), e]));
}

/** The outcomes as the gateway records them, the labels as they are known. */
function seen(items: readonly Item[], byTarget: ReadonlyMap<string, Map<string, Exchange>>): Item[] {
  return items.map(item => ({
    ...item,
    outcomes: new Map(
      [...item.outcomes].map(([target, outcome]) => {
        const { scorer: _, ...signals } = byTarget.get(target)!.get(item.id)!.attempts.at(-1)!.signals;
        return [target, { ...outcome, signals }];
      }),
    ),
  }));
}

async function decidesAsCertified(
  items: readonly Item[],
  lossMax: number,
): Promise<{ readonly threshold: number; readonly accepted: number }> {
  await using provider = await startUpstream(recordedAnswers(new Map(items.map(item => [item.id, item]))));
  const providers = `providers: { local: { api: openai, base_url: "${provider.url}", allow_private: true } }`;
  const alone = new Map<string, Map<string, Exchange>>();
  for (const target of [cheap, dear]) alone.set(target, await execute(providers, items, target));
  const kept = completeItems(seen(items, alone), chain.targets);
  const { certified } = certify(chain, kept, { signal: 'confidence', loss: 'harm', lossMax, confidence: 0.95, seed: 0 });
  expect(certified).not.toBeNull();
  const { threshold } = certified!;
  const route = `routes: { smart: { steps: [{ target: ${cheap}, accept: { confidence: ${threshold} } }, { target: ${dear} }] } }`;
  const lived = await execute(`${providers}\n${route}`, items, 'smart');
  const foretold = trialRunner(kept.items)(withThresholds(chain, [threshold], 'confidence'));
  const answeredBy = kept.items.map(({ id }) => lived.get(id)!.attempts.findIndex(attempt => attempt.accepted));
  expect(answeredBy).toEqual([...foretold.step]);
  for (const { id } of kept.items) expect(lived.get(id)!.attempts.length).toBe(1 + lived.get(id)!.attempts.findIndex(a => a.accepted));
  return { threshold, accepted: answeredBy.filter(step => step === 0).length };
}

test('on synthetic traffic, on every request of the certify split', { timeout: 60_000 }, async () => {
  const draw = randomGenerator(3);
  const items = Array.from({ length: 150 }, (_, i): Item => {
    const sure = Math.round(draw() * 1_000) / 1_000;
    return {
      id: `q${i}`,
      cluster: `q${i}`,
      outcomes: new Map([
        [cheap, { quality: sure > 0.5 || draw() < sure ? 1 : 0, signals: { scorer: sure }, costNanoUsd: 1 }],
        [dear, { quality: 1, signals: {}, costNanoUsd: 10 }],
      ]),
    };
  });
  const { accepted } = await decidesAsCertified(items, 0.05);
  expect(accepted).toBeGreaterThan(20);
});

const path = 'eval/mot_date_outcomes.jsonl';
test.skipIf(!recording(path))(`on the published worked example${unlessRecorded(path)}`, { timeout: 60_000 }, async () => {
  const parsed = parseOutcomes(readFileSync(recording(path)!, 'utf8'));
  if (!parsed.ok) throw new Error('unreadable');
  const renamed = parsed.items.map(item => ({
    ...item,
    outcomes: new Map([...item.outcomes.values()].map((o, i) => [[cheap, dear][i]!, o])),
  }));
  const { threshold, accepted } = await decidesAsCertified(renamed, 0.02);
  expect(threshold).toBeCloseTo(0.7, 1);
  expect((accepted / 369).toFixed(4)).toBe('0.6694');
});
