/** A format that a target cannot enforce is requested, reported, and checked; a mismatch can escalate to the next target. */
import { expect, test } from 'vitest';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import { anthropic } from '../../gateway/providers/anthropic.ts';
import { deepseek } from '../../gateway/providers/vendors/deepseek.ts';
import { completion } from '../faults/chat.ts';
import { ok } from '../faults/scripts.ts';
import { FaultyUpstream } from '../faults/upstream.ts';
import { ExecutionHarness, hello } from './exchange/harness.ts';

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const body = { ...hello, max_tokens: 100, response_format: { type: 'json_schema', json_schema: { name: 'place', schema } } };

const asMessage = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'old',
  content: [{ type: 'text', text }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 3, output_tokens: 2 },
});
const forms: readonly (readonly [string, Provider, (text: string) => object])[] = [
  ['anthropic, an older model', anthropic, asMessage],
  ['deepseek', deepseek, text => completion(text)],
];

test.each(forms)('%s is asked in words and its answer checked', async (_, provider, sent) => {
  await using a = await FaultyUpstream.start(ok(sent('{"city":"Bern"}')), ok(sent('It is Bern.')));
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider } } });
  const good = await harness.execute({ body });
  expect(good.exchange.warnings).toMatchObject([{ type: 'approximated', field: 'response_format', altered: true }]);
  expect(a.calls[0]!.body.toString()).toContain('\\"required\\":[\\"city\\"]');
  expect(good.exchange.attempts[0]!.signals.schema_valid).toBe(1);
  const bad = await harness.execute({ body });
  expect(bad.exchange.attempts[0]!.signals.schema_valid).toBe(0);
});

test('an answer that does not match is not taken where the route wants it to', async () => {
  await using a = await FaultyUpstream.start(ok(completion('It is Bern.')));
  await using b = await FaultyUpstream.start(ok(completion('{"city":"Bern"}')));
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: deepseek }, B: { url: b.url } } });
  const accept = { signal: 'schema_valid', atLeast: 1 } as const;
  const { text, exchange } = await harness.execute({ body, chain: [{ target: 'A', accept }, 'B'] });
  expect(JSON.parse(text).choices[0].message.content).toBe('{"city":"Bern"}');
  expect(exchange.attempts).toMatchObject([
    { accepted: false, signals: { schema_valid: 0 } },
    { accepted: true, signals: { schema_valid: 1 } },
  ]);
});

test('and is refused at once where nothing may be approximated in meaning', async () => {
  await using a = await FaultyUpstream.start();
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: anthropic } } });
  const { text } = await harness.execute({ body, routedRequest: { onUnsupported: 'reject' } });
  expect(JSON.parse(text).error).toMatchObject({ code: 'unsupported_parameter', param: 'response_format' });
  expect(a.calls).toHaveLength(0);
});

test('JSON that comes in a code fence where it was only asked for is told, and judged, without it', async () => {
  await using a = await FaultyUpstream.start(
    ok(asMessage('```json\n{"city":"Bern"}\n```')),
    ok(asMessage('```json\n{"city":"Bern"}\n```')),
  );
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: anthropic } } });
  const { text, exchange } = await harness.execute({ body });
  expect(JSON.parse(text).choices[0].message.content).toBe('{"city":"Bern"}');
  expect(exchange.attempts[0]!.signals.schema_valid).toBe(1);
  const free = await harness.execute({ body: { ...hello, max_tokens: 100 } });
  expect(JSON.parse(free.text).choices[0].message.content).toContain('```json');
});
