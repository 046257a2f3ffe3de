/** Spans are written as text, and are byte for byte what OpenTelemetry's own serializer makes of the same spans. */
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AttemptRecord, Exchange } from '../../../gateway/core/exchange.ts';
import { spansOf } from '../../../gateway/observability/spans.ts';
import { chatRequest, chatResponse, signals } from '../../arbitraries.ts';
import { runs } from '../../runs.ts';
import { spansOf as sdkSpansOf } from './sdk-spans.ts';

const resource = resourceFromAttributes({ 'service.name': 'hindcast' });
const scope = { name: 'hindcast', version: '1' };
/** The ids of waits are made anew on each side. */
const withoutNewIds = (text: string): string =>
  text.replace(/"spanId":"[0-9a-f]{16}",("parentSpanId":"[0-9a-f]{16}",(?:"traceState":"[^"]*",)?"name":"hindcast\.(?:queue|hold))/g, '$1');

const hex = (digits: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const text = fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('"', '\\', '\u2028', '\ud800', 'ü'));
const ms = fc.oneof(fc.nat(100_000), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant(999.9999999));
const optional = <Value>(of: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(of, { nil: undefined });
const instant = ms.map(after => 1_796_000_000_000 + after);
const count = fc.nat(10_000);

const usage = fc.record({
  input: count,
  output: count,
  cached: count,
  cacheWrite: count,
  reasoning: count,
  source: fc.constant('provider' as const),
});
const attempt = fc.record({
  number: fc.integer({ min: 1, max: 4 }),
  kind: fc.constantFrom('primary', 'retry', 'fallback'),
  step: fc.nat(3),
  target: text,
  provider: fc.constantFrom('openai', 'gemini', 'other'),
  model: text,
  servedModel: text,
  spanId: hex(16),
  startedAt: instant,
  endedAt: instant,
  firstTokenMs: optional(ms),
  status: fc.constantFrom(0, 200, 500),
  outcome: fc.constantFrom('ok', 'aborted', 'timeout', 'rate-limited'),
  accepted: fc.boolean(),
  providerRequestId: text,
  finish: optional(fc.record({ reason: fc.constant('stop'), raw: text })),
  usage: optional(usage),
  cost: optional(fc.record({ input: count, output: count, total: count, priceId: text })),
  signals,
  warnings: fc.array(fc.record({ type: fc.constant('dropped'), field: text, detail: text }), { maxLength: 2 }),
});
const exchange = fc.record({
  id: fc.uuid({ version: 7 }),
  receivedAt: instant,
  endedAt: instant,
  caller: fc.record({
    ...{ tenant: text, project: text, user: text, key: text, requestId: text, conversation: text },
    tags: fc.dictionary(fc.constantFrom('team', 'a.b'), text),
  }),
  trace: fc.record({ traceId: hex(32), spanId: hex(16), parentSpanId: fc.oneof(fc.constant(''), hex(16)) }),
  operation: fc.constantFrom('chat', 'embeddings'),
  requestedModel: text,
  policy: fc.record({ name: text }),
  configHash: hex(16),
  stream: fc.boolean(),
  requestHeaders: fc.oneof(fc.constant({}), fc.record({ 'user-agent': text })),
  status: fc.constantFrom(0, 200, 503),
  outcome: fc.constantFrom('ok', 'client_error', 'timeout'),
  decision: fc.constantFrom({ type: 'answered', attempt: 0 }, { type: 'failed', failure: { kind: 'timeout', message: '' } }),
  attempts: fc.array(attempt, { maxLength: 3 }),
  costNanoUsd: optional(count),
  overheadMs: ms,
  queuedMs: optional(ms),
  heldMs: optional(ms),
  replayOf: optional(fc.uuid()),
  run: optional(text),
  arm: optional(text),
  repeat: optional(fc.nat(3)),
}) as unknown as fc.Arbitrary<Exchange & { readonly attempts: readonly AttemptRecord[] }>;

test('for any request and response', () => {
  fc.assert(
    fc.property(
      exchange,
      chatRequest,
      optional(chatResponse),
      fc.constantFrom('', 'a=1,b=2', 'not a state'),
      optional(fc.record({ traceId: fc.oneof(fc.constant(''), hex(32)), spanId: hex(16) })),
      fc.record({ capturesContent: fc.boolean(), includesTags: fc.boolean() }),
      (made, chat, answer, traceState, original, settings) => {
        const details = {
          ...{ chat, answer: () => answer, traceState, path: '/v1/chat/completions', original },
          placeOf: (name: string) => (name === 'other' ? undefined : { api: name, address: 'h"', port: 80 }),
        };
        const sdk = sdkSpansOf(made, details, { ...settings, resource, scope });
        const complete = Buffer.from(JsonTraceSerializer.serializeRequest(sdk)!).toString();
        const theirs = complete.slice(complete.indexOf('"spans":[') + 9, complete.lastIndexOf(']}]}]}'));
        const { bytes, count } = spansOf(made, details, settings);
        expect(withoutNewIds(bytes.toString())).toBe(withoutNewIds(theirs));
        expect(count).toBe(sdk.length);
      },
    ),
    runs(300),
  );
});
