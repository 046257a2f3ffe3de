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

/** What a record takes from the drive; the state of a plain one tells nothing more. */
export type ExecutionLog = Pick<DriverLog, 'events'> & {
  readonly isPlain?: boolean;
  readonly state: Pick<DriverLog['state'], 'queuedMs'> & Partial<Pick<DriverLog['state'], 'attempts'>>;
};

type Building = { -readonly [Member in keyof Exchange]: Exchange[Member] };

export function exchangeOf(
  request: RoutedRequest,
  decision: RouteOutcome,
  log: ExecutionLog,
  records: readonly AttemptRecord[],
  delivery: DeliveryResult,
): Exchange {
  const attempts = log.isPlain ? records : records.map(attempt => withSignals(attempt, log));
  const committed = attempts.find(a => a.number - 1 === delivery.committed);
  const { receivedAt } = request;
  const queuedMs = log.isPlain ? 0 : (log.state.queuedMs ?? 0);
  const exchange: Building = {
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
    status: delivery.status,
    outcome: outcomeOf(decision),
    decision,
    events: log.events,
    attempts,
    overheadMs: Math.max(0, delivery.endedAt - receivedAt - upstreamMs(attempts) - queuedMs),
    warnings: warningsOf(attempts),
    flags: committed?.flags ?? noFlags,
  };
  if (delivery.delivered) exchange.delivered = delivery.delivered;
  if (decision.type === 'answered' && committed?.finish) exchange.finish = committed.finish;
  addTotals(exchange, attempts);
  if (delivery.firstTokenAt !== undefined) exchange.firstTokenMs = delivery.firstTokenAt - receivedAt;
  if (queuedMs > 0) exchange.queuedMs = queuedMs;
  const heldMs = committed ? heldMsOf(request, committed, delivery.firstTokenAt) : 0;
  if (heldMs > 0) exchange.heldMs = heldMs;
  if (request.replayOf !== undefined) exchange.replayOf = request.replayOf;
  if (request.auditProbability !== undefined) exchange.auditProbability = request.auditProbability;
  if (request.run !== undefined) exchange.run = request.run;
  if (request.arm !== undefined) exchange.arm = request.arm;
  if (request.repeat !== undefined) exchange.repeat = request.repeat;
  return exchange;
}

const noFlags: Exchange['flags'] = [];
const noWarnings: Exchange['warnings'] = [];

const warningsOf = (attempts: readonly AttemptRecord[]): Exchange['warnings'] =>
  attempts.every(({ warnings }) => warnings.length === 0) ? noWarnings : attempts.flatMap(({ warnings }) => warnings);

function addTotals(exchange: Building, attempts: readonly AttemptRecord[]): void {
  for (const { usage, cost } of attempts) {
    if (usage) exchange.usage = exchange.usage ? addUsage(exchange.usage, usage) : usage;
    if (cost) exchange.costNanoUsd = (exchange.costNanoUsd ?? 0) + cost.total;
  }
}

function heldMsOf({ chat, policy }: RoutedRequest, committed: AttemptRecord, firstTokenAt: Instant | undefined): Milliseconds {
  const isHeld = chat.stream && (policy.onBreak?.type === 'hold' || policy.steps[committed.step]?.accept !== undefined);
  return isHeld ? bufferedMs(committed, firstTokenAt) : 0;
}

function bufferedMs({ startedAt, firstTokenMs }: AttemptRecord, firstTokenAt: Instant | undefined): Milliseconds {
  if (firstTokenAt === undefined || firstTokenMs === undefined) return 0;
  return Math.max(0, Math.round(firstTokenAt - startedAt - firstTokenMs));
}

/** With what the router made of its signals and of the calls on its side. */
function withSignals(attempt: AttemptRecord, log: ExecutionLog): AttemptRecord {
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
  const [first] = attempts;
  if (first && attempts.length === 1) return Math.max(0, first.endedAt - (first.kind === 'retry' ? 0 : first.startedAt));
  let sum = 0;
  let until = 0;
  for (const { kind, startedAt, endedAt } of attempts.toSorted((a, b) => a.startedAt - b.startedAt)) {
    sum += Math.max(0, endedAt - (kind === 'retry' ? until : Math.max(startedAt, until)));
    until = Math.max(until, endedAt);
  }
  return sum;
}
