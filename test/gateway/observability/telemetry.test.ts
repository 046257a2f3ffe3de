/** What a receiver of traces that is down, slow or choosy costs, and what is always sampled. */
import { expect, test } from 'vitest';
import type { ChatRequest } from '../../../gateway/core/chat/chat.ts';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import { silentLog } from '../../../gateway/observability/logs.ts';
import { createReplayTelemetry } from '../../../gateway/observability/replay-telemetry.ts';
import { createTelemetry } from '../../../gateway/observability/telemetry.ts';
import { traceFrom } from '../../../gateway/settings/ids.ts';
import { newId, plainExchange } from '../../recorder/plain-exchange.ts';
import { attributeOf, startOtlpReceiver } from './receiver.ts';

const chat = { stream: false, stop: [], choices: 1, messages: [], tools: [] } as unknown as ChatRequest;
const seen = { chat, answer: () => undefined, traceState: '', path: '/v1/chat/completions', placeOf: () => undefined };
const telemetryTo = (otlp: string, environment: Record<string, string> = {}) =>
  createTelemetry({ otlp, environment, mayHoldContent: false, log: silentLog });

test('a receiver that never responds costs a bounded queue: the rest is dropped and counted, without delaying callers', {
  timeout: 60_000,
}, async () => {
  await using silent = await startOtlpReceiver({ answers: false });
  const telemetry = telemetryTo(silent.url);
  const exchange = plainExchange();
  const spansOfOne = 1 + exchange.attempts.length;
  const started = performance.now();
  const count = 20_000;
  for (let i = 0; i < count; i++) telemetry.record(exchange, seen);
  const microsecondsEach = ((performance.now() - started) * 1_000) / count;
  // One batch under way and a full queue are held; with ids and attributes some 20 MB, whatever comes.
  expect(telemetry.counts.dropped).toBeGreaterThanOrEqual(count * spansOfOne - 8_192 - 512);
  expect(telemetry.counts.exported).toBe(0);
  expect(microsecondsEach).toBeLessThan(1_000);
  const closing = performance.now();
  await telemetry.close();
  expect(performance.now() - closing).toBeLessThan(10_000);
  expect(telemetry.counts.dropped).toBeGreaterThanOrEqual(count * spansOfOne - 512);
});

test('where a share is sampled, errors and what took ten seconds are exported always, the rest never at a share of nothing', async () => {
  await using otlp = await startOtlpReceiver();
  const telemetry = telemetryTo(otlp.url, { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
  const context = traceFrom(undefined, undefined);
  const plain = plainExchange();
  expect(telemetry.shouldExport(context, plain)).toBe(false);
  expect(telemetry.shouldExport(context, { ...plain, endedAt: plain.receivedAt + 10_000 })).toBe(true);
  for (const outcome of ['upstream_error', 'timeout', 'truncated', 'cancelled', 'budget'] as const)
    expect(telemetry.shouldExport(context, { ...plain, outcome })).toBe(true);
  await telemetry.close();
});

test('waits of a request are spans: in the queue before the call, and buffered until judged', async () => {
  await using otlp = await startOtlpReceiver();
  const telemetry = telemetryTo(otlp.url);
  const plain = plainExchange();
  const [attempt] = plain.attempts;
  telemetry.record({ ...plain, queuedMs: 1, heldMs: 20, attempts: [{ ...attempt!, accepted: true, firstTokenMs: 30 }] }, seen);
  await telemetry.close();
  const byName = Object.fromEntries(otlp.spans.map(span => [span.name, span]));
  expect(attributeOf(byName['hindcast.queue']!, 'hindcast.queue.wait_ms')).toBe(1);
  expect(attributeOf(byName['hindcast.hold']!, 'hindcast.hold.wait_ms')).toBe(20);
  for (const name of ['hindcast.queue', 'hindcast.hold']) expect(byName[name]!.parentSpanId).toBe(plain.trace.spanId);
});

test('a replay has its own trace, marked and linked to the original trace', async () => {
  await using otlp = await startOtlpReceiver();
  const settings = { telemetry: { otlp: otlp.url }, recorder: { payloads: 'full', redact: [] } } as unknown as Parameters<
    typeof createReplayTelemetry
  >[0];
  const telemetry = createReplayTelemetry(settings, {}, () => {});
  const original = plainExchange();
  const repeated: Exchange = { ...plainExchange({ run: 'r1', arm: 'sim/x', repeat: 2, replayOf: original.id }), id: newId() };
  const { chat: requested, answer, placeOf } = seen;
  telemetry.record(repeated, { chat: requested, answer, placeOf, original: original.trace });
  telemetry.record(repeated, { chat: requested, answer, placeOf, original: undefined });
  await telemetry.close();
  const [linked, bare] = otlp.spans.filter(span => span.kind === 1);
  expect(linked).toMatchObject({ name: `replay ${repeated.policy.name}`, traceId: repeated.trace.traceId });
  expect(linked!.links).toMatchObject([{ traceId: original.trace.traceId, spanId: original.trace.spanId }]);
  expect(attributeOf(linked!.links![0]!, 'hindcast.link')).toBe('replay_of');
  const marks = ['of', 'run', 'arm', 'repeat'].map(name => attributeOf(linked!, `hindcast.replay.${name}`));
  expect(marks).toEqual([original.id, 'r1', 'sim/x', 2]);
  expect(attributeOf(linked!, 'http.request.method')).toBeUndefined();
  expect(bare!.links ?? []).toEqual([]);
  // Its attempts are client spans as ever.
  expect(otlp.spans.filter(span => span.kind === 3)).toHaveLength(2 * repeated.attempts.length);
});
