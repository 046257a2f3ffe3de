/** What Prometheus scrapes, fed by finished exchanges; the GenAI names are OpenTelemetry's as Prometheus writes them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AttemptRecord, Exchange, Sink } from './core/exchange.ts';
import { usd } from './core/price.ts';
import { confidenceOf } from './core/signal.ts';
import { providerNameOf } from './semconv.ts';
import type { Telemetry } from './telemetry.ts';
import { version } from './version.ts';

export interface Metrics {
  observe(exchange: Exchange, names: Names): void;
  /** A request that was refused before any provider was asked; `code` is one of ours. */
  refused(code: string): void;
  inflight(change: 1 | -1): void;
  configured(outcome: 'changed' | 'refused', hash: string): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** What turns names that callers choose into labels. */
export interface Names {
  isRoute(name: string): boolean;
  /** The wire format of an account. */
  apiOf(provider: string): string | undefined;
}

export interface MetricsOptions {
  readonly sink: Pick<Sink, 'dropped' | 'refusal'>;
  readonly telemetry: () => Pick<Telemetry, 'counts'>;
  readonly configHash: string;
  /** Also memory, CPU and event loop of the process; once per process. */
  readonly process: boolean;
}

/** Callers name models, so their number has a limit; what comes later is `other`. */
const modelsMax = 200;

const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
const firstTokenSeconds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60];
const perTokenSeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const overheadSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1];

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  const requests = requestInstruments(registry);
  const attempts = attemptInstruments(registry);
  const own = ownInstruments(registry, options);
  const models = new Set<string>();
  const bounded = (model: string): string => {
    if (models.has(model)) return model;
    if (models.size >= modelsMax) return 'other';
    models.add(model);
    return model;
  };
  return {
    observe: (exchange, names) => {
      observeRequest(requests, exchange, names, bounded);
      for (const attempt of exchange.attempts) observeAttempt(attempts, attempt, names, bounded);
    },
    refused: code => own.refused.inc({ code }),
    inflight: change => own.inflight.inc(change),
    configured: (outcome, hash) => {
      own.reloads.inc({ outcome });
      own.config.reset();
      own.config.set({ hash }, 1);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type RequestInstruments = ReturnType<typeof requestInstruments>;
type AttemptInstruments = ReturnType<typeof attemptInstruments>;

function requestInstruments(registry: Registry) {
  const registers = [registry];
  const labelNames = ['gen_ai_operation_name', 'gen_ai_request_model', 'error_type'] as const;
  return {
    duration: new Histogram({
      name: 'gen_ai_server_request_duration_seconds',
      help: 'From the arrival of a request to the last byte of its answer.',
      labelNames,
      buckets: seconds,
      registers,
    }),
    firstToken: new Histogram({
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'From the arrival of a request to the first content the caller was sent.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model'],
      buckets: firstTokenSeconds,
      registers,
    }),
    perToken: new Histogram({
      name: 'gen_ai_server_time_per_output_token_seconds',
      help: 'Time between the output tokens of a streamed answer after the first.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model'],
      buckets: perTokenSeconds,
      registers,
    }),
    total: new Counter({
      name: 'hindcast_requests_total',
      help: 'Requests by route and outcome. Requests that name no route count as "direct".',
      labelNames: ['route', 'outcome'],
      registers,
    }),
    overhead: new Histogram({
      name: 'hindcast_overhead_seconds',
      help: 'Time of a request in which no attempt was under way: what the gateway itself takes.',
      buckets: overheadSeconds,
      registers,
    }),
    escalations: new Counter({
      name: 'hindcast_escalations_total',
      help: 'Answers that were declined for another target, by route.',
      labelNames: ['route'],
      registers,
    }),
    interrupted: new Counter({
      name: 'hindcast_stream_interrupted_total',
      help: 'Streams that ended in an error after their first content.',
      labelNames: ['route'],
      registers,
    }),
  };
}

function attemptInstruments(registry: Registry) {
  const registers = [registry];
  const names = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'gen_ai_response_model'] as const;
  return {
    duration: new Histogram({
      name: 'gen_ai_client_operation_duration_seconds',
      help: 'Duration of each attempt at a provider.',
      labelNames: [...names, 'error_type'],
      buckets: seconds,
      registers,
    }),
    usage: new Histogram({
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of each attempt, by type.',
      labelNames: [...names, 'gen_ai_token_type'],
      buckets: tokens,
      registers,
    }),
    total: new Counter({
      name: 'hindcast_attempts_total',
      help: 'Attempts by provider account, model, kind and outcome.',
      labelNames: ['provider', 'model', 'kind', 'outcome'],
      registers,
    }),
    cost: new Counter({
      name: 'hindcast_cost_usd_total',
      help: 'Cost of everything that was asked, in US dollars.',
      labelNames: ['provider', 'model'],
      registers,
    }),
    unpriced: new Counter({
      name: 'hindcast_unpriced_attempts_total',
      help: 'Attempts with tokens whose price is not known.',
      labelNames: ['provider', 'model'],
      registers,
    }),
    tokens: new Counter({ name: 'hindcast_tokens_total', help: 'Tokens by type.', labelNames: ['type'], registers }),
    confidence: new Histogram({
      name: 'hindcast_confidence',
      help: 'Confidence of answers, where it can be measured.',
      labelNames: ['provider', 'model'],
      buckets: shares,
      registers,
    }),
  };
}

function ownInstruments(registry: Registry, { sink, telemetry, configHash }: MetricsOptions) {
  const registers = [registry];
  new Gauge({ name: 'hindcast_build_info', help: 'The running version.', labelNames: ['version', 'node'], registers }).set(
    { version: version(), node: process.version },
    1,
  );
  const dropped = new Counter({
    name: 'hindcast_recorder_dropped_total',
    help: 'Records given up because the spool was full.',
    registers,
    collect: () => set(dropped, sink.dropped),
  });
  new Gauge({
    name: 'hindcast_recorder_refusing',
    help: '1 while requests are refused because nothing can be recorded.',
    registers,
    collect() {
      this.set(sink.refusal() === undefined ? 0 : 1);
    },
  });
  const exported = new Counter({
    name: 'hindcast_spans_exported_total',
    help: 'Spans that the OTLP receiver took.',
    registers,
    collect: () => set(exported, telemetry().counts.exported),
  });
  const lost = new Counter({
    name: 'hindcast_spans_dropped_total',
    help: 'Spans given up: the queue was full or the export failed.',
    registers,
    collect: () => set(lost, telemetry().counts.dropped),
  });
  const config = new Gauge({ name: 'hindcast_config_info', help: 'The configuration in force.', labelNames: ['hash'], registers });
  config.set({ hash: configHash }, 1);
  return {
    config,
    inflight: new Gauge({ name: 'hindcast_inflight_requests', help: 'Requests being answered now.', registers }),
    refused: new Counter({
      name: 'hindcast_refused_total',
      help: 'Requests refused before any provider was asked, by error code.',
      labelNames: ['code'],
      registers,
    }),
    reloads: new Counter({
      name: 'hindcast_config_reloads_total',
      help: 'Changes of the configuration that were taken or refused.',
      labelNames: ['outcome'],
      registers,
    }),
  };
}

function set(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}

function observeRequest(to: RequestInstruments, exchange: Exchange, names: Names, bounded: (model: string) => string): void {
  const route = names.isRoute(exchange.policy.name) ? exchange.policy.name : 'direct';
  const labels = { gen_ai_operation_name: exchange.operation, gen_ai_request_model: bounded(exchange.requestedModel) };
  const durationMs = exchange.endedAt - exchange.receivedAt;
  const error = exchange.outcome === 'ok' ? {} : { error_type: exchange.outcome };
  to.total.inc({ route, outcome: exchange.outcome });
  to.duration.observe({ ...labels, ...error }, durationMs / 1000);
  to.overhead.observe(exchange.overheadMs / 1000);
  const escalations = exchange.attempts.filter(attempt => attempt.kind === 'escalation').length;
  if (escalations > 0) to.escalations.inc({ route }, escalations);
  const { firstTokenMs } = exchange;
  if (firstTokenMs === undefined) return;
  if (exchange.stream && exchange.outcome !== 'ok' && exchange.outcome !== 'cancelled') to.interrupted.inc({ route });
  to.firstToken.observe(labels, firstTokenMs / 1000);
  const { decision } = exchange;
  const output = decision.type === 'answered' ? (exchange.attempts[decision.attempt]?.usage?.output ?? 0) : 0;
  if (exchange.stream && output > 1) to.perToken.observe(labels, (durationMs - firstTokenMs) / 1000 / (output - 1));
}

function observeAttempt(to: AttemptInstruments, attempt: AttemptRecord, names: Names, bounded: (model: string) => string): void {
  const { provider, usage, cost } = attempt;
  const model = bounded(attempt.model);
  const labels = {
    gen_ai_operation_name: 'chat',
    gen_ai_provider_name: providerNameOf(names.apiOf(provider) ?? provider),
    gen_ai_request_model: model,
    gen_ai_response_model: bounded(attempt.servedModel),
  };
  const error = attempt.outcome === 'ok' || attempt.outcome === 'aborted' ? {} : { error_type: attempt.outcome };
  to.total.inc({ provider, model, kind: attempt.kind, outcome: attempt.outcome });
  to.duration.observe({ ...labels, ...error }, (attempt.endedAt - attempt.startedAt) / 1000);
  const confidence = confidenceOf(attempt.signals);
  if (confidence !== undefined) to.confidence.observe({ provider, model }, confidence);
  if (!usage) return;
  to.usage.observe({ ...labels, gen_ai_token_type: 'input' }, usage.input);
  to.usage.observe({ ...labels, gen_ai_token_type: 'output' }, usage.output);
  to.tokens.inc({ type: 'input' }, usage.input);
  to.tokens.inc({ type: 'output' }, usage.output);
  if (usage.cached > 0) to.tokens.inc({ type: 'cached' }, usage.cached);
  if (usage.cacheWrite > 0) to.tokens.inc({ type: 'cache_write' }, usage.cacheWrite);
  if (usage.reasoning > 0) to.tokens.inc({ type: 'reasoning' }, usage.reasoning);
  if (cost) to.cost.inc({ provider, model }, usd(cost.total));
  else to.unpriced.inc({ provider, model });
}
