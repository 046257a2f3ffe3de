/** What one finished exchange adds to the metrics of requests and of attempts. */
import { type AttemptRecord, type Exchange, outcomeLabel } from '../core/exchange.ts';
import { usd } from '../core/money/price.ts';
import { confidenceOf } from '../core/signals/signal.ts';
import type { AttemptInstruments, RequestInstruments } from './instruments.ts';
import { providerNameOf } from './semconv.ts';

/** What turns names that callers choose into labels. */
export interface LabelResolver {
  isRoute(name: string): boolean;
  /** The wire format of an account. */
  apiOf(provider: string): string | undefined;
}

/** Adds one finished exchange to the metrics of requests. */
export function observeRequest(
  to: RequestInstruments,
  exchange: Exchange,
  labels: LabelResolver,
  bounded: (model: string) => string,
): void {
  const { outcome, operation, endedAt, trace, firstTokenMs } = exchange;
  const route = labels.isRoute(exchange.policy.name) ? exchange.policy.name : 'direct';
  const model = bounded(exchange.requestedModel);
  const durationMs = endedAt - exchange.receivedAt;
  to.total.add(1, route, outcome);
  to.duration.observeTraced(durationMs / 1000, trace.traceId, endedAt, operation, model, outcome === 'ok' ? '' : outcome);
  to.overhead.observe(exchange.overheadMs / 1000);
  if (exchange.queuedMs) to.queueWait.observe(exchange.queuedMs / 1000, route);
  const escalations = exchange.attempts.filter(attempt => attempt.kind === 'escalation').length;
  if (escalations > 0) to.escalations.add(escalations, route);
  if (firstTokenMs === undefined) return;
  to.firstToken.observeTraced(firstTokenMs / 1000, trace.traceId, endedAt, operation, model);
  if (!exchange.stream) return;
  if (outcome !== 'ok' && outcome !== 'cancelled') to.interrupted.add(1, route);
  const { decision } = exchange;
  const output =
    decision.type === 'answered' ? (exchange.attempts.find(({ number }) => number === decision.attempt + 1)?.usage?.output ?? 0) : 0;
  if (output > 1) to.perToken.observe((durationMs - firstTokenMs) / 1000 / (output - 1), operation, model);
}

/** Adds one attempt of a finished exchange to the metrics of attempts. */
export function observeAttempt(
  to: AttemptInstruments,
  { operation, stream }: Exchange,
  attempt: AttemptRecord,
  names: LabelResolver,
  bounded: (model: string) => string,
): void {
  const { provider, usage, cost, firstTokenMs } = attempt;
  const model = bounded(attempt.model);
  const servedModel = bounded(attempt.servedModel);
  const system = providerNameOf(names.apiOf(provider) ?? provider);
  const outcome = outcomeLabel(attempt);
  to.total.add(1, provider, model, attempt.kind, outcome);
  to.duration.observe((attempt.endedAt - attempt.startedAt) / 1000, operation, system, model, servedModel, attempt.failure ? outcome : '');
  if (stream && firstTokenMs !== undefined) observeChunks(to, attempt.chunks, firstTokenMs, [operation, system, model, servedModel]);
  const confidence = confidenceOf(attempt.signals);
  if (confidence !== undefined) to.confidence.observe(confidence, provider, model);
  if (!usage) return;
  to.usage.observe(usage.input, operation, system, model, servedModel, 'input');
  to.usage.observe(usage.output, operation, system, model, servedModel, 'output');
  to.tokens.add(usage.input, 'input');
  to.tokens.add(usage.output, 'output');
  if (usage.cached > 0) to.tokens.add(usage.cached, 'cached');
  if (usage.cacheWrite > 0) to.tokens.add(usage.cacheWrite, 'cache_write');
  if (usage.reasoning > 0) to.tokens.add(usage.reasoning, 'reasoning');
  if (usage.source === 'provider' && usage.input > 0) to.promptCache.add(1, provider, model, usage.cached > 0 ? 'hit' : 'miss');
  if (cost) to.cost.add(usd(cost.total), provider, model);
  else to.unpriced.add(1, provider, model);
}

function observeChunks(to: AttemptInstruments, chunks: AttemptRecord['chunks'], firstTokenMs: number, labels: readonly string[]): void {
  to.firstChunk.observe(firstTokenMs / 1000, ...labels);
  let before = firstTokenMs;
  const gaps: number[] = [];
  for (const [afterMs] of chunks) {
    if (afterMs <= before) continue;
    gaps.push((afterMs - before) / 1000);
    before = afterMs;
  }
  to.perChunk.observeEach(gaps, labels);
}
