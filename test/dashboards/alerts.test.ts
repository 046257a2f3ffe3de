/** Alerts use only metrics that the gateway exposes, explain themselves, and fire exactly when they should. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { boards } from '../../dashboards/boards/index.ts';
import { textOf } from '../../dashboards/build.ts';
import { outcomes } from '../../dashboards/variables.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { failureKindOfLabel } from '../../gateway/core/shared/failure.ts';
import { attemptInstruments, requestInstruments } from '../../gateway/observability/instruments.ts';
import { createMetrics, createRegistry } from '../../gateway/observability/metrics.ts';
import type { Objective } from '../../gateway/settings/settings.ts';
import { TargetRegistry } from '../../gateway/targets/registry.ts';
import { folder as configFolder } from '../gateway/config-files.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const folder = join(import.meta.dirname, '../../dashboards/alerts');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const rules = parse(read('rules.yaml')).groups.flatMap((group: { rules: readonly Rule[] }) => group.rules) as readonly Rule[];
const alerts = rules.filter(({ alert }) => alert !== undefined);
const panelQueries = boards
  .flatMap(({ panels }) => panels.map(({ query }) => query as string))
  .filter(query => query.endsWith('.promql'))
  .map(query => [query, textOf(query)] as const);
const expressions = [...rules.map(({ alert, record, expr }) => [alert ?? record!, expr] as const), ...panelQueries];

const stats = {
  queueBytes: 1,
  oldestSeconds: 1,
  readers: { overrun: 0, stuck: 0 },
  damagedParts: 0,
  warnings: [],
  rowsWritten: 1,
  exchangesWritten: 1,
  torn: 0,
  corrupt: 0,
  rejected: 0,
  problem: undefined,
};

const metricsOf = (objectives: readonly Objective[] = []) =>
  createMetrics({
    budgets: async () => [{ scope: 'tenant a', left: 1, budget: 2, isWarned: false }],
    objectives: () => objectives,
    sink: { dropped: 0, refusal: () => undefined },
    telemetry: () => ({ counts: { exported: 0, dropped: 0 } }),
    inflight: () => 0,
    recorder: () => stats,
    configHash: '',
    targets: {
      ...{ registry: new TargetRegistry(), now: () => 0, flags: undefined, probes: new Map() },
      shadowTraffic: { shadow: { asked: 0, skipped: 0 }, audit: { asked: 0, skipped: 0 } },
    },
    process: false,
  });

/** The type of every exposed metric, by name. */
async function exposed(): Promise<ReadonlyMap<string, string>> {
  const { text } = await metricsOf().scrape(undefined);
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name!, kind!]));
}

/** The metric names of an expression; the parts of a histogram count as one. */
async function unknownIn(expr: string): Promise<readonly string[]> {
  const known = await exposed();
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(by|without)\s*\([^)]*\)/g, '');
  const named = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([name]) => name).filter(name => /^(hindcast|gen_ai)_/.test(name));
  expect(named.length + (bare.match(/\b(?:route|provider):\w+:\w+/g)?.length ?? 0)).toBeGreaterThan(0);
  return named.filter(name => !known.has(name) && known.get(name.replace(/_(bucket|sum|count)$/, '')) !== 'histogram');
}

/** The labels of every metric that has labels. */
function labelsOf(name: string): readonly string[] | undefined {
  const registry = createRegistry();
  requestInstruments(registry);
  attemptInstruments(registry);
  const metric = registry.getSingleMetric(name.replace(/_bucket$/, '')) as unknown as
    | { readonly labelNames: readonly string[] }
    | undefined;
  return metric ? [...metric.labelNames, 'le'] : gaugeLabels.find(([pattern]) => pattern.test(name))?.[1];
}

/** Of gauges that are collected rather than counted. */
const gaugeLabels: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^hindcast_slo_/, ['scope', 'name', 'quantile']],
  [/^hindcast_target_(latency|ttft)_seconds$/, ['target', 'quantile']],
];

const words: Readonly<Record<string, (word: string) => boolean>> = {
  hindcast_requests_total: word => (outcomes as readonly string[]).includes(word),
  hindcast_slo_error_ratio: word => ['route', 'provider'].includes(word),
  hindcast_slo_latency_seconds: word => ['route', 'provider'].includes(word),
  hindcast_slo_ttft_seconds: word => ['route', 'provider'].includes(word),
  hindcast_target_latency_seconds: word => word === '0.95',
  hindcast_target_ttft_seconds: word => word === '0.95',
  hindcast_attempts_total: word => ['ok', 'aborted'].includes(word) || failureKindOfLabel(word) !== undefined,
};

describe('alerts and panels of Prometheus', () => {
  test.each(expressions)('%s names metrics that the gateway has', async (_, expr) => expect(await unknownIn(expr)).toEqual([]));

  test('an unknown metric is detected', async () => {
    expect(await unknownIn('sum by (gen_ai_x) (rate(hindcast_nothing_total{a="b"}[5m])) > hindcast_inflight_requests')).toEqual([
      'hindcast_nothing_total',
    ]);
    expect(await unknownIn('hindcast_cost_usd_total_bucket')).toHaveLength(1);
  });

  test('select by labels and outcomes that are recorded', () => {
    const selected = expressions.flatMap(([, expr]) => [...expr.matchAll(/(\w+)\{(\w+)[!=~]+"([^"]*)"\}/g)]);
    expect(selected.length).toBeGreaterThan(4);
    for (const [text, name, label, values] of selected) {
      expect(labelsOf(name!), text).toContain(label);
      for (const word of values!.split('|')) expect(words[name!]!(word), `${word} in ${text}`).toBe(true);
    }
  });

  test.each(alerts)('$alert says what happened, what to do and how urgent it is', ({ labels, annotations }) => {
    expect(['page', 'ticket']).toContain(labels?.severity);
    expect(Object.keys(annotations!).sort()).toEqual(['description', 'summary']);
    for (const text of Object.values(annotations!)) expect(text).toMatch(/\.$/);
  });

  test('objectives of the configuration are gauges that rules compare with', async () => {
    const text =
      'providers: { p: { api: openai, key: k, slo: { ttft_p95: 2s } } }\nroutes: { smart: { steps: [{ target: p/m }], slo: { p95: 10s, error_rate: 0.01 } } }';
    const loaded = loadConfig({ directory: configFolder({ 'hindcast.yaml': text }), environment: {} });
    const objectives = loaded.ok ? (loaded.settings.objectives ?? []) : [];
    const { text: page } = await metricsOf(objectives).scrape(undefined);
    expect(page.split('\n').filter(line => line.startsWith('hindcast_slo_'))).toEqual([
      'hindcast_slo_latency_seconds{scope="route",name="smart",quantile="0.95"} 10',
      'hindcast_slo_ttft_seconds{scope="provider",name="p",quantile="0.95"} 2',
      'hindcast_slo_error_ratio{scope="route",name="smart"} 0.01',
    ]);
  });

  test('every alert fires in a case of the promtool tests', () => {
    const cases = read('rules.test.yaml');
    for (const { alert } of alerts) expect(cases).toContain(`alertname="${alert}",alertstate="firing"`);
  });
});

const promtool = spawnSync('promtool', ['--version']).status === 0;
const missing = promtool ? '' : ' (skipped: there is no promtool here; Debian has it in the package prometheus)';

describe.skipIf(!promtool)(`promtool${missing}`, () => {
  const run = (...args: readonly string[]): string => execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe', cwd: folder });

  test('accepts the rules', () => expect(run('check', 'rules', 'rules.yaml')).toContain('SUCCESS'));

  test('fires each alert exactly in its case', { timeout: 60_000 }, () =>
    expect(run('test', 'rules', 'rules.test.yaml')).toContain('SUCCESS'),
  );

  test('has no objection to the names, units and help texts of the exposed metrics', async () => {
    const metrics = metricsOf();
    metrics.observe(plainExchange(), { isRoute: () => true, apiOf: () => 'openai' });
    metrics.refused('x');
    const { text } = await metrics.scrape(undefined);
    expect(text).toContain('gen_ai_client_operation_duration_seconds_bucket');
    const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect([promtool.status, promtool.stdout + promtool.stderr]).toEqual([0, '']);
  });

  test('accepts the queries of panels', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'hindcast-rules-'));
    const recorded = panelQueries.map(([, expr], i) => ({
      record: `panel_${i}`,
      expr: expr.replace(/\$__(range|rate_interval)\b/g, '5m'),
    }));
    writeFileSync(join(scratch, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
    expect(run('check', 'rules', join(scratch, 'rules.yaml'))).toContain(`${recorded.length} rules found`);
    rmSync(scratch, { recursive: true });
  });
});
