/** A finished exchange as lists show it, made of its record before that reaches the store. Pure. */
import type { AttemptRecord, Exchange } from '../../core/exchange.ts';
import { failureLabel } from '../../core/shared/failure.ts';
import { confidenceOf } from '../../core/signals/signal.ts';
import type { ExchangeSummary } from '../api/exchanges.ts';

export function summaryOf(exchange: Exchange): ExchangeSummary {
  const { caller, policy, decision, attempts, usage } = exchange;
  const last = lastAttempt(exchange);
  const kinds = (kind: AttemptRecord['kind']): number => attempts.filter(attempt => attempt.kind === kind).length;
  return {
    id: exchange.id,
    received_at: new Date(exchange.receivedAt).toISOString(),
    ...{ tenant: caller.tenant, project: caller.project, key: caller.key, user: caller.user, conversation: caller.conversation },
    ...{ route: policy.name, variant: policy.variant?.name ?? '', operation: exchange.operation, dialect: exchange.dialect },
    ...{ requested_model: exchange.requestedModel, provider: last?.provider ?? '', model: last?.model ?? '' },
    ...{ stream: exchange.stream, status: exchange.status, outcome: exchange.outcome },
    error_type: decision.type === 'failed' ? failureLabel(decision.failure.kind) : '',
    finish_reason: exchange.finish?.reason ?? '',
    attempts: attempts.length,
    ...{ fallbacks: kinds('fallback'), escalations: kinds('escalation'), hedged: kinds('hedge') > 0 },
    confidence: (last && confidenceOf(last.signals)) ?? null,
    latency_ms: Math.round(exchange.endedAt - exchange.receivedAt),
    ttft_ms: exchange.firstTokenMs === undefined ? null : Math.max(1, Math.round(exchange.firstTokenMs)),
    input_tokens: usage?.input ?? 0,
    cached_tokens: usage?.cached ?? 0,
    output_tokens: usage?.output ?? 0,
    reasoning_tokens: usage?.reasoning ?? 0,
    cost_usd: attempts.some(attempt => attempt.usage && !attempt.cost) ? null : (exchange.costNanoUsd ?? 0) / 1e9,
    cache: cacheOf(attempts),
    tags: { ...caller.tags },
  };
}

/** The attempt whose answer was kept; else the last one. */
function lastAttempt({ decision, attempts }: Exchange): AttemptRecord | undefined {
  const answered = decision.type === 'answered' ? attempts[decision.attempt] : undefined;
  return answered ?? attempts.at(-1);
}

function cacheOf(attempts: readonly AttemptRecord[]): string {
  const counted = attempts.flatMap(({ usage }) => (usage?.source === 'provider' && usage.input > 0 ? [usage] : []));
  if (counted.some(({ cached }) => cached > 0)) return 'hit';
  return counted.length > 0 ? 'miss' : 'none';
}
