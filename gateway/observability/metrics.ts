/** What Prometheus scrapes, fed by finished exchanges; one registry per gateway. */
import { Counter, collectDefaultMetrics, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import type { Exchange, ExchangeSink } from '../core/exchange.ts';
import { usd } from '../core/money/price.ts';
import type { Objective } from '../settings/settings.ts';
import { version } from '../settings/version.ts';
import { type LabelResolver, observeAttempt, observeRequest } from './exchange-metrics.ts';
import { attemptInstruments, requestInstruments } from './instruments.ts';
import { createTargetInstruments, type TargetMetricSources } from './target-metrics.ts';
import type { Telemetry } from './telemetry.ts';

export interface Metrics {
  observe(exchange: Exchange, names: LabelResolver): void;
  /** A request refused before any provider was called, by error code. */
  refused(code: string, tenant?: string): void;
  /** A request with an Idempotency-Key that read the answer of an earlier one. */
  joined(): void;
  configured(hash: string): void;
  configurationRefused(): void;
  /** In OpenMetrics, which alone has room for exemplars, when the `accept` header takes it; else in Prometheus' own text format. */
  scrape(accept: string | undefined): Promise<{ readonly text: string; readonly contentType: string }>;
  /** This process's own, as OpenMetrics. */
  page(): Promise<string>;
}

/** As reported by the recorder process. */
export interface RecorderStats {
  readonly queueBytes: number;
  readonly oldestSeconds: number;
  readonly rowsWritten: number;
  readonly exchangesWritten: number;
  /** Records of which nothing can be read, that were spoiled on disk, that the store refuses. */
  readonly torn: number;
  readonly corrupt: number;
  readonly rejected: number;
  /** Why the store takes nothing. */
  readonly problem: string | undefined;
  /** Readers' statements that were ended while they were planned, and that do not end. */
  readonly readers: { readonly overrun: number; readonly stuck: number };
  /** Parts of tables whose rows are missing. */
  readonly damagedParts: number;
  /** What somebody should look at although everything is answered and recorded. */
  readonly warnings: readonly string[];
}

/** A budget in its present period. */
export interface BudgetLevel {
  readonly scope: string;
  readonly left: number;
  readonly budget: number;
  /** More is spent than `warn_at` says. */
  readonly isWarned: boolean;
}

export interface MetricsOptions {
  /** Of the budgets that requests counted against, in nano-dollars. */
  readonly budgets?: () => Promise<readonly BudgetLevel[]>;
  /** Of routes and providers, as the running configuration has them. */
  readonly objectives?: () => readonly Objective[];
  readonly sink: Pick<ExchangeSink, 'dropped' | 'refusal'>;
  readonly telemetry: () => Pick<Telemetry, 'counts'>;
  readonly inflight: () => number;
  readonly recorder: () => RecorderStats | undefined;
  readonly configHash: string;
  /** State of targets; absent where none are called. */
  readonly targets?: TargetMetricSources;
  /** The pages of all workers in one; there is no other worker when absent. */
  readonly gather?: (() => Promise<string>) | undefined;
  /** Also memory, CPU and event loop of the process; once per process. */
  readonly process: boolean;
}

/** Callers name models, so their number has a limit; what comes later is `other`. */
const modelsMax = 200;

/** The metrics of one gateway, in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = createRegistry();
  if (options.process) collectDefaultMetrics({ register: registry });
  const requests = requestInstruments(registry);
  const attempts = attemptInstruments(registry);
  const gateway = gatewayInstruments(registry, options);
  registerGauges(registry, options);
  registerObjectives(registry, options.objectives);
  registerRecorder(registry, options);
  const targetInstruments = options.targets && createTargetInstruments(registry, options.targets);
  if (options.budgets) registerBudgets(registry, options.budgets);
  const page = (): Promise<string> => registry.metrics();
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
      targetInstruments?.observe(exchange, names.isRoute(exchange.policy.name) ? exchange.policy.name : 'direct');
      for (const attempt of exchange.attempts) observeAttempt(attempts, exchange, attempt, names, bounded);
    },
    refused: (code, tenant = '') => {
      gateway.refused.inc({ code });
      gateway.refusals.inc({ tenant, code });
    },
    joined: () => gateway.joined.inc(),
    configured: hash => {
      gateway.reloads.inc();
      gateway.config.reset();
      gateway.config.set({ hash }, 1);
    },
    configurationRefused: () => gateway.reloadFailures.inc(),
    scrape: async accept => scrape(await (options.gather ?? page)(), accept),
    page,
  };
}

/** prom-client renames counters permanently on the first OpenMetrics request, so OpenMetrics is always used. */
export function createRegistry(): Registry {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry as unknown as Registry;
}

function scrape(text: string, accept = ''): { readonly text: string; readonly contentType: string } {
  const isOpen = accept.includes('application/openmetrics-text');
  return isOpen
    ? { text, contentType: Registry.OPENMETRICS_CONTENT_TYPE }
    : { text: toPrometheusFormat(text), contentType: Registry.PROMETHEUS_CONTENT_TYPE };
}

/** OpenMetrics names a counter without the `_total` of its samples, and has exemplars; Prometheus' older format does neither. */
const toPrometheusFormat = (text: string): string =>
  text
    .replace(/^# HELP (\S+) (.*)\n# TYPE \1 counter$/gm, '# HELP $1_total $2\n# TYPE $1_total counter')
    .replace(/ # \{trace_id="[0-9a-f]{32}"\} \S+ \S+$/gm, '')
    .replace(/# EOF\n$/, '');

/** Asked at each scrape rather than counted here. */
function registerGauges(registry: Registry, { telemetry, inflight }: MetricsOptions): void {
  const registers = [registry];
  new Gauge({
    name: 'hindcast_inflight_requests',
    help: 'Requests being answered now.',
    registers,
    collect() {
      this.set(inflight());
    },
  });
  const exported: Counter = new Counter({
    name: 'hindcast_spans_exported_total',
    help: 'Spans that the OTLP receiver took.',
    registers,
    collect: () => setCounter(exported, telemetry().counts.exported),
  });
  const lost: Counter = new Counter({
    name: 'hindcast_spans_dropped_total',
    help: 'Spans given up: the queue was full or the export failed.',
    registers,
    collect: () => setCounter(lost, telemetry().counts.dropped),
  });
}

function registerBudgets(registry: Registry, budgets: NonNullable<MetricsOptions['budgets']>): void {
  const gauge = (name: string, help: string, of: (budget: BudgetLevel) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['scope'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const budget of await budgets().catch(() => [])) this.set({ scope: budget.scope }, of(budget));
      },
    });
  };
  gauge('hindcast_budget_left_usd', 'What is left of a budget in its period, of tenants, projects and keys.', ({ left }) => usd(left));
  gauge('hindcast_budget_limit_usd', 'The whole budget of a period.', ({ budget }) => usd(budget));
  gauge('hindcast_budget_warning', '1 when more of a budget is spent than its warn_at says.', ({ isWarned }) => (isWarned ? 1 : 0));
}

/** `slo` of the configuration, for alerts that compare with it. */
function registerObjectives(registry: Registry, objectives: MetricsOptions['objectives'] = () => []): void {
  const gauge = (
    name: string,
    help: string,
    labels: Readonly<Record<string, string>>,
    of: (objective: Objective) => number | undefined,
  ) => {
    new Gauge({
      name,
      help,
      labelNames: ['scope', 'name', ...Object.keys(labels)],
      registers: [registry],
      collect() {
        this.reset();
        for (const objective of objectives()) {
          const value = of(objective);
          if (value !== undefined) this.set({ scope: objective.scope, name: objective.name, ...labels }, value);
        }
      },
    });
  };
  const p95 = { quantile: '0.95' };
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
  gauge('hindcast_slo_latency_seconds', 'The objective for the response time.', p95, ({ p95Ms }) => seconds(p95Ms));
  gauge('hindcast_slo_ttft_seconds', 'The objective for the time to first token.', p95, ({ firstTokenP95Ms }) => seconds(firstTokenP95Ms));
  gauge('hindcast_slo_error_ratio', 'The objective for the share of requests that fail.', {}, ({ errorRate }) => errorRate);
}

function registerRecorder(registry: Registry, { sink, recorder }: MetricsOptions): void {
  const registers = [registry];
  const dropped: Counter = new Counter({
    name: 'hindcast_recorder_dropped_total',
    help: 'Records given up because the spool was full.',
    registers,
    collect: () => setCounter(dropped, sink.dropped),
  });
  new Gauge({
    name: 'hindcast_recorder_refusing',
    help: '1 while requests are refused because nothing can be recorded.',
    registers,
    collect() {
      this.set(sink.refusal() === undefined ? 0 : 1);
    },
  });
  const gauge = (name: string, help: string, of: (stats: RecorderStats) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const stats = recorder();
        if (stats) this.set(of(stats));
      },
    });
  };
  const counter = (name: string, help: string, of: (stats: RecorderStats) => number): void => {
    const total: Counter = new Counter({ name, help, registers, collect: () => setCounter(total, recorder() ? of(recorder()!) : 0) });
  };
  gauge('hindcast_recorder_spool_bytes', 'Bytes on disk that are not in the store yet.', stats => stats.queueBytes);
  gauge('hindcast_recorder_oldest_seconds', 'Age of the oldest record that is not in the store yet.', stats => stats.oldestSeconds);
  gauge('hindcast_recorder_store_up', '1 while the store takes records.', stats => (stats.problem === undefined ? 1 : 0));
  counter('hindcast_recorder_rows_written_total', 'Rows that the store has, of all tables.', stats => stats.rowsWritten);
  counter('hindcast_recorder_exchanges_written_total', 'Exchanges that the store has.', stats => stats.exchangesWritten);
  counter('hindcast_recorder_lost_total', 'Records spoiled on disk.', stats => stats.torn + stats.corrupt);
  gauge('hindcast_store_damaged_parts', 'Parts of tables whose rows are missing.', stats => stats.damagedParts);
  gauge('hindcast_store_readers_stuck', "Readers' statements that do not end.", stats => stats.readers.stuck);
  counter(
    'hindcast_store_readers_overrun_total',
    "Readers' statements that were ended while they were planned.",
    stats => stats.readers.overrun,
  );
  counter('hindcast_recorder_rejected_total', 'Records set aside because the store refuses them.', stats => stats.rejected);
}

function gatewayInstruments(registry: Registry, { configHash }: MetricsOptions) {
  const registers = [registry];
  new Gauge({ name: 'hindcast_build_info', help: 'The running version.', labelNames: ['version', 'node'], registers }).set(
    { version: version(), node: process.version },
    1,
  );
  const config = new Gauge({ name: 'hindcast_config_info', help: 'The configuration in force.', labelNames: ['hash'], registers });
  config.set({ hash: configHash }, 1);
  return {
    config,
    refused: new Counter({
      name: 'hindcast_refused_total',
      help: 'Requests refused before any provider was called, by error code.',
      labelNames: ['code'],
      registers,
    }),
    refusals: new Counter({
      name: 'hindcast_refusals_total',
      help: 'Requests refused before any provider was called, by tenant (empty for an unknown key) and error code.',
      labelNames: ['tenant', 'code'],
      registers,
    }),
    joined: new Counter({
      name: 'hindcast_joined_total',
      help: 'Requests that read the answer of an earlier one with the same Idempotency-Key.',
      registers,
    }),
    reloads: new Counter({ name: 'hindcast_config_reloads_total', help: 'Changes of the configuration that were taken.', registers }),
    reloadFailures: new Counter({
      name: 'hindcast_config_reload_failures_total',
      help: 'Changes of the configuration that were refused, so that the last good one stayed in force.',
      registers,
    }),
  };
}

function setCounter(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
