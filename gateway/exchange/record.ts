/** Builds the record of a request from the request, the router events and the attempts. */
import type { Usage } from '../core/chat/chat.ts';
import type { AttemptRecord, DeliveryDigest, Exchange, ExchangeOutcome } from '../core/exchange.ts';
import type { RouteOutcome } from '../core/routing/router.ts';
import { publicErrorOf } from '../core/shared/failure.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import type { RoutedRequest } from './contract.ts';
import type { DriverLog } from './driver.ts';

export interface DeliveryResult {
  readonly status: number;
  /** What the caller was sent, byte for byte. */
  readonly response: Uint8Array;
  readonly delivered?: DeliveryDigest;
  /** The attempt whose answer the caller read, whole or not. */
  readonly committed: number | undefined;
  readonly firstTokenAt: Instant | undefined;
  readonly endedAt: Instant;
}

export function exchangeOf(
  request: RoutedRequest,
  decision: RouteOutcome,
  log: Pick<DriverLog, 'events'> & { readonly state: Pick<DriverLog['state'], 'queuedMs'> & Partial<Pick<DriverLog['state'], 'attempts'>> },
  records: readonly AttemptRecord[],
  delivery: DeliveryResult,
): Exchange {
  const attempts = records.map(attempt => withSignals(attempt, log));
  const committed = attempts.find(a => a.number - 1 === delivery.committed);
  const usages = attempts.flatMap(a => (a.usage ? [a.usage] : []));
  const costs = attempts.flatMap(a => (a.cost ? [a.cost.total] : []));
  const { receivedAt } = request;
  const { queuedMs = 0 } = log.state;
  const isHeld =
    committed &&
    request.chat.stream &&
    (request.policy.onBreak?.type === 'hold' || request.policy.steps[committed.step]?.accept !== undefined);
  const heldMs = isHeld ? bufferedMs(committed, delivery.firstTokenAt) : 0;
  return {
    id: request.id,
    receivedAt,
    endedAt: delivery.endedAt,
    caller: request.caller,
    trace: request.trace,
    operation: request.dialect.operation ?? 'chat',
    dialect: request.dialect.name,
    requestedModel: request.chat.model,
    policy: request.policy,
    configHash: request.configHash,
    stream: request.chat.stream,
    request: request.body,
    requestHeaders: request.headers,
    response: delivery.response,
    ...(delivery.delivered ? { delivered: delivery.delivered } : {}),
    status: delivery.status,
    outcome: outcomeOf(decision),
    decision,
    events: log.events,
    attempts,
    ...(decision.type === 'answered' && committed?.finish ? { finish: committed.finish } : {}),
    ...(usages.length > 0 ? { usage: usages.reduce(addUsage) } : {}),
    ...(costs.length > 0 ? { costNanoUsd: costs.reduce((sum, c) => sum + c, 0) } : {}),
    ...(delivery.firstTokenAt === undefined ? {} : { firstTokenMs: delivery.firstTokenAt - receivedAt }),
    overheadMs: Math.max(0, delivery.endedAt - receivedAt - upstreamMs(attempts) - queuedMs),
    ...(queuedMs > 0 ? { queuedMs } : {}),
    ...(heldMs > 0 ? { heldMs } : {}),
    warnings: attempts.flatMap(a => a.warnings),
    flags: committed?.flags ?? [],
    ...(request.replayOf === undefined ? {} : { replayOf: request.replayOf }),
    ...(request.auditProbability === undefined ? {} : { auditProbability: request.auditProbability }),
    ...(request.run === undefined ? {} : { run: request.run }),
    ...(request.arm === undefined ? {} : { arm: request.arm }),
    ...(request.repeat === undefined ? {} : { repeat: request.repeat }),
  };
}

function bufferedMs({ startedAt, firstTokenMs }: AttemptRecord, firstTokenAt: Instant | undefined): Milliseconds {
  if (firstTokenAt === undefined || firstTokenMs === undefined) return 0;
  return Math.max(0, Math.round(firstTokenAt - startedAt - firstTokenMs));
}

/** With what the router made of its signals and of the calls on its side. */
function withSignals(attempt: AttemptRecord, log: Parameters<typeof exchangeOf>[2]): AttemptRecord {
  const routerSignals = log.state.attempts?.[attempt.number - 1]?.signals;
  return routerSignals ? { ...attempt, signals: { ...attempt.signals, ...routerSignals } } : attempt;
}

function outcomeOf(decision: RouteOutcome): ExchangeOutcome {
  if (decision.type === 'answered') return 'ok';
  switch (decision.failure.kind) {
    case 'cancelled':
    case 'timeout':
    case 'truncated':
    case 'internal':
      return decision.failure.kind;
    case 'rate-limited':
      return 'rate_limited';
    default:
      return publicErrorOf(decision.failure).status < 500 ? 'client_error' : 'upstream_error';
  }
}

const addUsage = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cached: a.cached + b.cached,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  reasoning: a.reasoning + b.reasoning,
  ...sumOptional('cacheWriteHour', a, b),
  ...sumOptional('audioInput', a, b),
  ...sumOptional('audioOutput', a, b),
  ...sumOptional('searches', a, b),
  source: a.source === 'provider' && b.source === 'provider' ? 'provider' : 'estimated',
});

/** Of counts that few answers have. */
function sumOptional(name: 'cacheWriteHour' | 'audioInput' | 'audioOutput' | 'searches', a: Usage, b: Usage): Partial<Usage> {
  const sum = (a[name] ?? 0) + (b[name] ?? 0);
  return sum > 0 ? { [name]: sum } : {};
}

/** Time that was not the gateway's: some attempt was running, or a retry, which always follows another attempt, was being waited for. */
function upstreamMs(attempts: readonly AttemptRecord[]): Milliseconds {
  let sum = 0;
  let until = 0;
  for (const { kind, startedAt, endedAt } of attempts.toSorted((a, b) => a.startedAt - b.startedAt)) {
    sum += Math.max(0, endedAt - (kind === 'retry' ? until : Math.max(startedAt, until)));
    until = Math.max(until, endedAt);
  }
  return sum;
}
