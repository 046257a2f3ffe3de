/** Target metrics for Prometheus: gauges read at each scrape, and queue and side-call times of each exchange. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Exchange } from '../core/exchange.ts';
import type { Instant } from '../core/shared/time.ts';
import type { FeatureFlags } from '../flags/flags.ts';
import type { Probes } from '../targets/probes.ts';
import type { TargetRegistry } from '../targets/registry.ts';
import { targetsReport } from '../targets/report.ts';

export interface TargetMetricSources {
  readonly registry: TargetRegistry;
  readonly now: () => Instant;
  readonly shadowTraffic: Readonly<Record<'shadow' | 'audit', ShadowCallCounts>>;
  readonly flags?: FeatureFlags['counts'] | undefined;
  readonly probes?: Probes['seen'];
}

export interface TargetInstruments {
  /** `route` is a label: the route's name, or `direct`. */
  observe(exchange: Exchange, route: string): void;
}

const waitBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];
/** Callers name targets, so the number of label values is limited. */
const targetsMax = 200;

export function createTargetInstruments(
  registry: Registry,
  { registry: targetRegistry, now, shadowTraffic, flags, probes = new Map() }: TargetMetricSources,
): TargetInstruments {
  const registers = [registry];
  const gauge: CreateGauge = (name, help, labelNames, collect) => {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        collect(this);
      },
    });
  };
  const report = () => targetsReport(targetRegistry, probes, now()).targets.slice(0, targetsMax);
  gauge('hindcast_target_in_flight', 'Calls under way at a target.', ['target'], to => {
    for (const { target, in_flight } of report()) to.set({ target }, in_flight);
  });
  gauge('hindcast_target_state', '1 for the state a target is in.', ['target', 'state'], to => {
    for (const { target, state } of report()) to.set({ target, state }, 1);
  });
  gauge('hindcast_target_outcome_share', 'What became of the calls of a target lately.', ['target', 'outcome'], to => {
    for (const { target, outcomes } of report())
      for (const [outcome, share] of Object.entries(outcomes)) to.set({ target, outcome }, share);
  });
  const quantiles = (
    name: string,
    help: string,
    of: (target: ReturnType<typeof report>[number]) => Readonly<Record<string, number | null>>,
  ) =>
    gauge(name, help, ['target', 'quantile'], to => {
      for (const one of report()) {
        for (const [quantile, ms] of Object.entries(of(one))) if (ms !== null) to.set({ target: one.target, quantile }, ms / 1000);
      }
    });
  quantiles('hindcast_target_ttft_seconds', 'Time to the first content lately.', ({ ttft_ms }) => ttft_ms);
  quantiles('hindcast_target_latency_seconds', 'Time to the end of an answer lately.', ({ total_ms }) => total_ms);
  gauge('hindcast_keys_resting', 'Provider keys that are not used just now, because the provider refused them.', ['provider'], to => {
    for (const [key, until] of targetRegistry.keyCooldowns) if (until > now()) to.inc({ provider: key.split(' ', 1)[0]! });
  });
  registerRoutes(gauge, targetRegistry);
  gauge('hindcast_queue_requests', 'Requests that wait for the rate limit of a target.', [], to =>
    to.set(targetRegistry.queue.entries.length),
  );
  gauge('hindcast_queue_bytes', 'Size of the requests that wait for rate limits.', [], to => to.set(targetRegistry.queue.bytes));
  registerShadowTraffic(registry, shadowTraffic);
  registerProbes(registry, probes);
  if (flags) registerFlags(registry, flags);
  return exchangeInstruments(registry);
}

type CreateGauge = (name: string, help: string, labelNames: readonly string[], collect: (to: Gauge) => void) => void;

function registerRoutes(gauge: CreateGauge, { rollouts, breaches }: TargetRegistry): void {
  gauge(
    'hindcast_rollout_share',
    'Share of the requests that a variant under rollout takes; 0 once it was rolled back.',
    ['route', 'variant'],
    to => {
      for (const { route, variant, share } of rollouts.report()) to.set({ route, variant }, share);
    },
  );
  gauge('hindcast_certificate_breached', 'Whether audits showed more harm than the certificate of the route allows.', ['route'], to => {
    for (const { route, isBreached } of breaches.report()) to.set({ route }, Number(isBreached));
  });
}

function registerShadowTraffic(registry: Registry, shadowTraffic: TargetMetricSources['shadowTraffic']): void {
  const counter: Counter = new Counter({
    name: 'hindcast_copies_total',
    help: 'Shadows and audits that were sent, or skipped because too many were under way.',
    labelNames: ['kind', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const kind of ['shadow', 'audit'] as const) {
        for (const outcome of ['asked', 'skipped'] as const) counter.inc({ kind, outcome }, shadowTraffic[kind][outcome]);
      }
    },
  });
}

function registerProbes(registry: Registry, probes: Probes['seen']): void {
  const counter: Counter = new Counter({
    name: 'hindcast_probes_total',
    help: 'Probes of providers: alive, dead, or refused for their key.',
    labelNames: ['provider', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [provider, { counts }] of probes) {
        for (const [outcome, count] of Object.entries(counts)) counter.inc({ provider, outcome }, count);
      }
    },
  });
}

function registerFlags(registry: Registry, counts: FeatureFlags['counts']): void {
  const flagRequests: Counter = new Counter({
    name: 'hindcast_flags_total',
    help: 'Feature flags that were evaluated for a request: taken, unknown (it named none of the variants), late, failed.',
    labelNames: ['flag', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [flag, outcomes] of counts)
        for (const [outcome, count] of Object.entries(outcomes)) flagRequests.inc({ flag, outcome }, count);
    },
  });
}

function exchangeInstruments(registry: Registry): TargetInstruments {
  const registers = [registry];
  const histogram = (name: string, help: string) => new Histogram({ name, help, labelNames: ['route'], buckets: waitBuckets, registers });
  const holdTime = histogram('hindcast_held_seconds', 'How long streams lay ready while their answer was judged.');
  const unreadable = new Counter({
    name: 'hindcast_unreadable_waits_total',
    help: 'Refusals with a wait in a form that cannot be parsed; it counts as absent.',
    labelNames: ['provider'],
    registers,
  });
  return {
    observe: ({ heldMs, attempts }, route) => {
      for (const { flags, target } of attempts) {
        if (flags.includes('unreadable_wait')) unreadable.inc({ provider: target.split('/', 1)[0]! });
      }
      if (heldMs !== undefined) holdTime.observe({ route }, heldMs / 1000);
    },
  };
}

export interface ShadowCallCounts {
  asked: number;
  skipped: number;
}
