/** Makes the record of a request out of what was asked, what the router heard and what the attempts kept. */
import type { Usage } from '../core/chat.ts';
import type { AttemptRecord, Delivered, Exchange, ExchangeOutcome } from '../core/exchange.ts';
import { publicErrorOf } from '../core/failure.ts';
import type { RouteOutcome } from '../core/route.ts';
import type { Instant, Milliseconds } from '../core/time.ts';
import type { Question } from './contract.ts';
import type { DriveLog } from './drive.ts';

export interface Told {
  readonly status: number;
  /** What the caller was sent, byte for byte. */
  readonly response: Uint8Array;
  readonly delivered?: Delivered;
  /** The attempt whose answer the caller read, whole or not. */
  readonly committed: number | undefined;
  readonly firstTokenAt: Instant | undefined;
  readonly endedAt: Instant;
}

export function exchangeOf(
  question: Question,
  decision: RouteOutcome,
  log: Pick<DriveLog, 'events'> & { readonly state: Pick<DriveLog['state'], 'queuedMs'> & Partial<Pick<DriveLog['state'], 'attempts'>> },
  kept: readonly AttemptRecord[],
  told: Told,
): Exchange {
  const attempts = kept.map(attempt => withSignals(attempt, log));
  const read = attempts.find(a => a.number - 1 === told.committed);
  const usages = attempts.flatMap(a => (a.usage ? [a.usage] : []));
  const costs = attempts.flatMap(a => (a.cost ? [a.cost.total] : []));
  const { receivedAt } = question;
  const { queuedMs = 0 } = log.state;
  const isHeld =
    read && question.chat.stream && (question.policy.onBreak?.type === 'hold' || question.policy.steps[read.step]?.accept !== undefined);
  const heldMs = isHeld ? heldFor(read, told.firstTokenAt) : 0;
  return {
    id: question.id,
    receivedAt,
    endedAt: told.endedAt,
    caller: question.caller,
    trace: question.trace,
    operation: question.dialect.operation ?? 'chat',
    dialect: question.dialect.name,
    requestedModel: question.chat.model,
    policy: question.policy,
    configHash: question.configHash,
    stream: question.chat.stream,
    request: question.body,
    requestHeaders: question.headers,
    response: told.response,
    ...(told.delivered ? { delivered: told.delivered } : {}),
    status: told.status,
    outcome: outcomeOf(decision),
    decision,
    events: log.events,
    attempts,
    ...(decision.type === 'answered' && read?.finish ? { finish: read.finish } : {}),
    ...(usages.length > 0 ? { usage: usages.reduce(plus) } : {}),
    ...(costs.length > 0 ? { costNanoUsd: costs.reduce((sum, c) => sum + c, 0) } : {}),
    ...(told.firstTokenAt === undefined ? {} : { firstTokenMs: told.firstTokenAt - receivedAt }),
    overheadMs: Math.max(0, told.endedAt - receivedAt - othersMs(attempts) - queuedMs),
    ...(queuedMs > 0 ? { queuedMs } : {}),
    ...(heldMs > 0 ? { heldMs } : {}),
    warnings: attempts.flatMap(a => a.warnings),
    flags: read?.flags ?? [],
    ...(question.replayOf === undefined ? {} : { replayOf: question.replayOf }),
    ...(question.auditProbability === undefined ? {} : { auditProbability: question.auditProbability }),
    ...(question.run === undefined ? {} : { run: question.run }),
    ...(question.arm === undefined ? {} : { arm: question.arm }),
    ...(question.repeat === undefined ? {} : { repeat: question.repeat }),
  };
}

function heldFor({ startedAt, firstTokenMs }: AttemptRecord, firstTokenAt: Instant | undefined): Milliseconds {
  if (firstTokenAt === undefined || firstTokenMs === undefined) return 0;
  return Math.max(0, Math.round(firstTokenAt - startedAt - firstTokenMs));
}

/** With what the router made of its signals and of the calls on its side. */
function withSignals(attempt: AttemptRecord, log: Parameters<typeof exchangeOf>[2]): AttemptRecord {
  const more = log.state.attempts?.[attempt.number - 1]?.signals;
  return more ? { ...attempt, signals: { ...attempt.signals, ...more } } : attempt;
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

const plus = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cached: a.cached + b.cached,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  reasoning: a.reasoning + b.reasoning,
  ...both('cacheWriteHour', a, b),
  ...both('audioInput', a, b),
  ...both('audioOutput', a, b),
  source: a.source === 'provider' && b.source === 'provider' ? 'provider' : 'estimated',
});

/** Of counts that few answers have. */
function both(name: 'cacheWriteHour' | 'audioInput' | 'audioOutput', a: Usage, b: Usage): Partial<Usage> {
  const sum = (a[name] ?? 0) + (b[name] ?? 0);
  return sum > 0 ? { [name]: sum } : {};
}

/** Time that was not the gateway's: some attempt was running, or a retry, which always follows another attempt, was being waited for. */
function othersMs(attempts: readonly AttemptRecord[]): Milliseconds {
  let sum = 0;
  let until = 0;
  for (const { kind, startedAt, endedAt } of attempts.toSorted((a, b) => a.startedAt - b.startedAt)) {
    sum += Math.max(0, endedAt - (kind === 'retry' ? until : Math.max(startedAt, until)));
    until = Math.max(until, endedAt);
  }
  return sum;
}
