/** Arbitrary exchanges: any bytes, any text, any mixture of what is optional. */
import fc from 'fast-check';
import type { Usage } from '../../gateway/core/chat/chat.ts';
import type { AttemptRecord, Exchange } from '../../gateway/core/exchange.ts';
import type { RouteEvent } from '../../gateway/core/routing/router.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import { signalNames } from '../../gateway/core/signals/names.ts';

/** JSON has no negative zero. */
const positive = (max: number) => fc.double({ min: 0, max, noNaN: true, noDefaultInfinity: true }).map(x => x + 0);
const instant = positive(4_000_000_000_000);
const milliseconds = positive(600_000);
const count = fc.nat(10_000_000);
export const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array));
const text = fc.string({ unit: 'binary', maxLength: 30 });
const texts = fc.dictionary(text, text, { maxKeys: 3 });
const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const optional = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });

const usage: fc.Arbitrary<Usage> = fc
  .tuple(
    fc.record({
      input: count,
      output: count,
      cached: count,
      cacheWrite: count,
      reasoning: count,
      source: fc.constantFrom('provider', 'estimated'),
    }),
    optional({ audioInput: count, audioOutput: count }),
  )
  .map(([required, extra]) => ({ ...required, ...extra }) as Usage);

const failure: fc.Arbitrary<Failure> = fc
  .tuple(
    fc.record({ kind: fc.constantFrom('timeout', 'rate-limited', 'server-error', 'truncated', 'invalid-request'), message: text }),
    optional({ status: fc.integer({ min: 400, max: 599 }), code: text, retryAfterMs: milliseconds }),
  )
  .map(([required, extra]) => ({ ...required, ...extra }) as Failure);

const signals = fc.dictionary(fc.constantFrom(...signalNames), positive(1), { maxKeys: 4 });
const warning = fc.record({ type: fc.constantFrom('dropped', 'approximated'), field: text, detail: text });
const flag = fc.constantFrom('no_sentinel', 'usage_estimated', 'not_streamed');
const finish = fc.record({ reason: fc.constantFrom('stop', 'length', 'tool-calls'), raw: text });

const attempt = fc
  .tuple(
    fc.record({
      kind: fc.constantFrom('primary', 'retry', 'fallback', 'escalation', 'hedge'),
      step: fc.nat(5),
      target: text,
      provider: text,
      model: text,
      servedModel: text,
      credential: hex(8),
      spanId: hex(16),
      startedAt: instant,
      endedAt: instant,
      status: fc.nat(599),
      outcome: fc.constantFrom('ok', 'aborted', 'timeout', 'server-error'),
      accepted: fc.boolean(),
      request: bytes,
      response: bytes,
      chunks: fc.array(fc.tuple(milliseconds, count), { maxLength: 4 }),
      providerRequestId: text,
      signals,
      warnings: fc.array(warning, { maxLength: 2 }),
      flags: fc.array(flag, { maxLength: 2 }),
    }),
    optional({
      firstByteMs: milliseconds,
      firstTokenMs: milliseconds,
      failure,
      finish,
      usage,
      cost: fc.record({
        ...{ input: count, output: count, total: count, priceId: text },
        state: fc.constantFrom('stated' as const, 'table' as const, 'config' as const, 'estimated' as const),
      }),
      serviceTier: text,
    }),
  )
  .map(([required, extra]) => ({ ...required, ...extra }));

const event: fc.Arbitrary<RouteEvent> = fc.oneof(
  fc.record({ at: instant, closed: fc.dictionary(text, instant, { maxKeys: 2 }), type: fc.constant('caller-left' as const) }),
  fc.record({ at: instant, closed: fc.constant({}), type: fc.constant('attempt-failed' as const), attempt: fc.nat(3), failure }),
  fc.record({ at: instant, closed: fc.constant({}), type: fc.constant('attempt-answered' as const), attempt: fc.nat(3), signals }),
);

export const exchange: fc.Arbitrary<Exchange> = fc
  .tuple(
    fc.record({
      id: fc.uuid({ version: 7 }),
      receivedAt: instant,
      endedAt: instant,
      caller: fc.record({ tenant: text, project: text, user: text, key: text, requestId: text, conversation: text, tags: texts }),
      trace: fc.record({ traceId: hex(32), spanId: hex(16), parentSpanId: hex(16) }),
      operation: fc.constant('chat'),
      dialect: text,
      requestedModel: text,
      policy: fc.record({
        name: text,
        deadlineMs: milliseconds,
        steps: fc.array(
          fc.record({
            target: text,
            timeoutMs: milliseconds,
            retries: fc.nat(3),
            backoffMs: milliseconds,
          }),
          { minLength: 1, maxLength: 3 },
        ),
      }),
      configHash: hex(16),
      stream: fc.boolean(),
      request: bytes,
      requestHeaders: texts,
      response: bytes,
      status: fc.nat(599),
      outcome: fc.constantFrom('ok', 'client_error', 'upstream_error', 'timeout', 'cancelled', 'truncated'),
      decision: fc.oneof(
        fc.record({ type: fc.constant('answered'), attempt: fc.nat(3) }),
        fc.record({ type: fc.constant('failed'), failure }),
      ),
      events: fc.array(event, { maxLength: 4 }),
      attempts: fc.array(attempt, { maxLength: 3 }),
      overheadMs: milliseconds,
      warnings: fc.array(warning, { maxLength: 2 }),
      flags: fc.array(flag, { maxLength: 2 }),
    }),
    optional({
      finish,
      usage,
      costNanoUsd: count,
      firstTokenMs: milliseconds,
      replayOf: fc.uuid({ version: 7 }),
      run: text,
      arm: text,
      repeat: fc.nat(9),
    }),
  )
  .map(([required, extra]) => {
    const attempts = required.attempts.map((record, i) => ({ number: i + 1, ...record }) as AttemptRecord);
    return { ...required, ...extra, attempts } as Exchange;
  });
