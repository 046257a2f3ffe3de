/** `hindcast replay run --mode simulated`: compares candidate arms with the deployed configuration, without sending requests. */
import { randomBytes } from 'node:crypto';
import { exit, printResult, table } from '../../gateway/cli/command.ts';
import { usd } from '../../gateway/core/money/price.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import type { Store } from '../../recorder/store/store.ts';
import type { Estimate } from '../../statistics/index.ts';
import { type Arm, deployedArm } from '../arms/arm.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { money, ms } from '../report/format.ts';
import { newRunId, writeRun } from '../run/run-table.ts';
import {
  type Backtest,
  backtest,
  difference,
  type Errors,
  errorOf,
  type FigureName,
  type Figures,
  figureNames,
  isShare,
  simulatedFigures,
} from '../simulation/backtest.ts';
import { BehaviourPool } from '../simulation/behaviour.ts';
import { recordedAfterDecline, type SimulatedRequest, type SimulatePolicy, simulateArm } from '../simulation/simulate-arm.ts';
import { armsOf, selectRequests, settingsFor } from './prepare.ts';
import { discardingSink, type RunOptions } from './run.ts';

interface ArmFigures {
  readonly arm: string;
  readonly figures: Figures;
  readonly drawn: number;
  readonly unsupported: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** The change against the deployed configuration, simulated in the same way; and the backtest error. */
  readonly change: Errors;
  readonly error: Errors;
  readonly told: readonly FigureName[];
  /** Why the figures say nothing about all requests; null when they do. */
  readonly inconclusive: string | null;
}

/** Simulates the arms on recorded behaviour and stores the results; resolves to the exit code. */
export async function simulateRun(options: RunOptions, simulate: SimulatePolicy): Promise<number> {
  const settings = settingsFor(options);
  const store = await openStore(settings);
  try {
    const { requests } = await selectRequests(store, settings, { limit: '1000000', duplicates: 'keep', ...options }, true);
    const startedAt = performance.now();
    const seed = options.seed ?? '0';
    const pool = new BehaviourPool(requests);
    const deployed = (): Arm => deployedArm(settings, { clock: wallClock, upstream: rejectingTransport, sink: discardingSink });
    const own = simulateArm(requests, deployed(), { pool, seed, own: true, simulate });
    const test = backtest(own, simulateArm(requests, deployed(), { pool, seed, own: false, simulate }));
    const id = newRunId(wallClock.now(), randomBytes(2).toString('hex'));
    const arms: ArmFigures[] = [];
    for (const arm of armsOf(options, settings, discardingSink, rejectingTransport)) {
      const all = simulateArm(requests, arm, { pool, seed, own: true, simulate });
      arms.push(figuresOf(arm.name, all, own, test));
      await insertResults(store, id, arm, all);
    }
    const wallMs = performance.now() - startedAt;
    await writeRun(store, {
      id,
      kind: 'simulation',
      arms: arms.map(({ arm }) => arm),
      state: 'finished',
      createdAt: wallClock.now(),
      finishedAt: wallClock.now(),
      configHash: settings.hash,
      manifest: { options, requests: requests.length },
      selected: requests.length * arms.length,
      done: requests.length * arms.length,
      failed: 0,
      spent: 0,
    });
    printResult(options, { run: id, requests: requests.length, wall_ms: wallMs, backtest: test, arms }, () =>
      simulationText(id, requests, wallMs, test, arms),
    );
    if (arms.every(({ unsupported }) => unsupported === 1)) return exit.nothing;
    return arms.some(({ inconclusive }) => inconclusive !== null) ? exit.inconclusive : exit.pass;
  } finally {
    await store.close();
  }
}

const rejectingTransport = {
  send: () => {
    throw new Error('a simulation sends no requests');
  },
  close: async () => {},
};

function figuresOf(arm: string, all: readonly SimulatedRequest[], own: readonly SimulatedRequest[], test: Backtest): ArmFigures {
  const known = all.map(({ outcome }) => outcome !== 'unsupported');
  const supported = all.filter((_, i) => known[i]);
  const reasons: Record<string, number> = {};
  for (const { reason } of all) if (reason !== '') reasons[reason] = (reasons[reason] ?? 0) + 1;
  const figures = simulatedFigures(supported);
  const drawn = supported.filter(one => one.drawn).length / Math.max(1, supported.length);
  // Compared with the same requests of the deployed configuration.
  const change = difference(simulatedFigures(own.filter((_, i) => known[i])), figures);
  const error = errorOf(test, drawn);
  const inconclusive = selectionProblem(all.length, reasons);
  const told = inconclusive === null ? figureNames.filter(name => Math.abs(change[name]) > error[name]) : [];
  return { arm, figures, drawn, unsupported: 1 - supported.length / Math.max(1, all.length), reasons, change, error, told, inconclusive };
}

const unknownShareMax = 0.01;

/** Requests whose decision the arm changes are those of which the record lacks an outcome: the others are no sample of all. */
function selectionProblem(requests: number, reasons: Readonly<Record<string, number>>): string | null {
  const selected = Object.entries(reasons).filter(([reason]) => reason.endsWith(recordedAfterDecline));
  const unknown = selected.reduce((total, [, count]) => total + count, 0);
  if (unknown <= unknownShareMax * requests) return null;
  const targets = selected.map(([reason]) => reason.slice(0, reason.indexOf(' ')));
  return `INCONCLUSIVE: ${unknown} of ${requests} requests need an answer of ${targets.join(', ')} that the record has only where an earlier answer was declined. To know them: audit_probability on the route and hindcast eval simulate, or hindcast replay run --against ${targets[0]} --only-missing.`;
}

const rowsPerInsert = 20_000;

async function insertResults(store: Store, run: string, arm: Arm, all: readonly SimulatedRequest[]): Promise<void> {
  const ts = dateTime(wallClock.now());
  const rows = all
    .filter(({ outcome }) => outcome !== 'unsupported')
    .map(one => ({
      tenant_id: one.request.tenant,
      run_id: run,
      arm: arm.name,
      request_id: one.request.id,
      repeat_no: 0,
      cluster: one.request.conversation,
      ts,
      original_ts: dateTime(one.request.receivedAt),
      provider: one.target.slice(0, Math.max(0, one.target.indexOf('/'))),
      model: one.target.slice(one.target.indexOf('/') + 1),
      config_hash: arm.configHash,
      outcome: one.outcome === 'ok' ? 'ok' : 'upstream_error',
      latency_ms: Math.round(one.latencyMs),
      ttft_ms: Math.round(one.firstTokenMs),
      cost_usd: usd(one.costNanoUsd).toFixed(9),
      price_id: 'simulated',
      attempts: Math.min(255, one.attempts),
      escalations: Math.min(255, one.escalations),
    }));
  for (let i = 0; i < rows.length; i += rowsPerInsert)
    await store.insert('replay_results', rows.slice(i, i + rowsPerInsert), `${run} ${arm.name} ${i}`);
}

const dateTime = (at: number): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '');

const names: Readonly<Record<FigureName, string>> = {
  errorRate: 'errors',
  costPer1k: 'cost per 1,000',
  latencyMsP50: 'latency p50',
  latencyMsP95: 'latency p95',
  latencyMsP99: 'latency p99',
  escalated: 'escalated',
};

function figureText(name: FigureName, value: number): string {
  if (isShare(name)) return `${(100 * value).toFixed(2)} %`;
  return name === 'costPer1k' ? money(value * 1e9) : ms(value);
}

/** `+4.27 % [3.90, 4.61]` */
const errorText = (name: FigureName, { value, low, high }: Estimate): string =>
  `${changeText(name, value)} [${(100 * low).toFixed(2)}, ${(100 * high).toFixed(2)}]`;

const changeText = (name: FigureName, value: number): string =>
  `${value > 0 ? '+' : ''}${(100 * value).toFixed(2)} ${isShare(name) ? 'pp' : '%'}`;

function simulationText(
  run: string,
  requests: readonly RecordedRequest[],
  wallMs: number,
  test: Backtest,
  arms: readonly ArmFigures[],
): string {
  const backtested = figureNames.map(name => [
    names[name],
    figureText(name, test.recorded[name]),
    figureText(name, test.own.figures[name]),
    errorText(name, test.own.error[name]),
    figureText(name, test.drawn.figures[name]),
    errorText(name, test.drawn.error[name]),
  ]);
  return [
    `Simulation ${run}: ${requests.length} requests, ${arms.length + 2} passes in ${(wallMs / 1_000).toFixed(1)} s; no request was sent.`,
    `Backtest of the deployed configuration (unsupported ${(100 * test.own.unsupported).toFixed(1)} % with own records, ${(100 * test.drawn.unsupported).toFixed(1)} % with drawn records)\n${table(
      ['', 'recorded', 'own records', 'error, 95 %', 'drawn records', 'error, 95 %'],
      backtested,
    )}`,
    ...arms.map(armText),
  ].join('\n\n');
}

function armText({ arm, figures, drawn, unsupported, reasons, change, error, told, inconclusive }: ArmFigures): string {
  const rows = figureNames.map(name => [
    names[name],
    figureText(name, figures[name]),
    changeText(name, change[name]),
    `±${(100 * error[name]).toFixed(2)} ${isShare(name) ? 'pp' : '%'}`,
    inconclusive !== null ? 'not known' : told.includes(name) ? (change[name] < 0 ? 'less' : 'more') : 'within the error',
  ]);
  return [
    ...(inconclusive === null ? [] : [inconclusive]),
    `${arm}: drawn records ${(100 * drawn).toFixed(1)} %, unsupported ${(100 * unsupported).toFixed(1)} %`,
    ...(unsupported === 1 ? [] : [table(['', 'simulated', 'vs deployed', 'backtest error', ''], rows)]),
    ...Object.entries(reasons).map(([reason, count]) => `unsupported, ${count}: ${reason}`),
  ].join('\n');
}
