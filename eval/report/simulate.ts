/** Simulation reports as text and JSON: the candidate, its backtest error, and what could not be simulated. */
import type { AuditBacktest } from '../simulation/audit-backtest.ts';
import type { Backtest, Comparison, SimulatedChain } from '../simulation/backtest.ts';
import { change, count, difference, dollars, milliseconds, none, percent, points, withInterval } from './shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

export interface SimulationReport {
  readonly route: string;
  readonly candidate: string;
  readonly label: string;
  readonly confidence: number;
  readonly candidateResult: SimulatedChain;
  readonly now: SimulatedChain | undefined;
  readonly error: Backtest | undefined;
  /** What escalated requests would have foretold of accepted ones. */
  readonly audits?: AuditBacktest | undefined;
  readonly comparison: Comparison | undefined;
  readonly notes: readonly string[];
  /** The first lines: the requests, and how each target is known. */
  readonly known: readonly string[];
  /** Why the numbers do not describe all requests. */
  readonly inconclusive?: string | undefined;
}

/** One sentence: the candidate's cost and quality, or why it is inconclusive. */
export function simulationSentence({ route, candidate, candidateResult, error, comparison, inconclusive }: SimulationReport): string {
  const of = `${route} of ${candidate} over ${count(candidateResult.items, 'recorded request')}`;
  if (inconclusive !== undefined)
    return comparison?.cost ? `${inconclusive} What is known: ${of}, cost ${withInterval(comparison.cost, change)}.` : inconclusive;
  if (!comparison?.cost)
    return `${of}: ${candidateResult.costPer1k === null ? 'no price is known' : `${dollars(candidateResult.costPer1k)} per 1k`}; nothing is deployed to hold it against.`;
  if (comparison.tooClose)
    return `${of}: cost ${withInterval(comparison.cost, change)}, no more than the ${percent(Math.abs(error!.cost!))} by which the simulation misses what was recorded: not to be ranked.`;
  const quality = comparison.quality ? `, quality ${withInterval(comparison.quality, points)}` : '';
  return `${of}: cost ${withInterval(comparison.cost, change)}${quality} against what is deployed.`;
}

export const simulationHead = ['', 'requests', 'cost/1k', 'quality', 'errors', 'p50', 'p95', 'answered by'];

/** A row for the candidate and one for the deployed configuration. */
export function simulationRows({ candidateResult, now }: SimulationReport): readonly (readonly string[])[] {
  const row = (name: string, side: SimulatedChain): string[] => [
    name,
    String(side.items),
    side.costPer1k === null ? none : dollars(side.costPer1k),
    side.quality === null ? none : percent(side.quality),
    percent(side.errors),
    ...[side.latencyP50, side.latencyP95].map(ms => (ms === null ? none : milliseconds(ms))),
    Object.entries(side.answered)
      .map(([target, n]) => `${target} ${percent(n / Math.max(1, side.items))}`)
      .join(', '),
  ];
  return [...(now ? [row('deployed', now)] : []), row('candidate', candidateResult)];
}

/** The backtest error, and the requests that could not be simulated. */
export function simulationNotes({ candidateResult, error, audits, comparison, notes }: SimulationReport): readonly string[] {
  const lacking = Object.entries(candidateResult.unsupported);
  const total = candidateResult.items + lacking.reduce((sum, [, n]) => sum + n, 0);
  return [
    ...lacking.map(
      ([target, n]) =>
        `Unsupported: ${percent(n / total)} of the requests (${n}) lack an outcome of ${target}: hindcast replay run --against ${target}`,
    ),
    error
      ? `Backtest: the deployed configuration, simulated over ${count(error.items, 'request')}, misses the record by ${signedOf(error.cost, change)} in cost, ${signedOf(error.latencyP50, change)} in p50 and ${signedOf(error.latencyP95, change)} in p95 latency, ${points(error.errors)} in errors.`
      : 'No backtest: nothing recorded could be simulated by the deployed configuration, so nobody knows how far this is to be believed.',
    ...(audits ? [auditText(audits)] : []),
    ...(comparison?.latencyMs
      ? [
          `Mean latency ${withInterval(comparison.latencyMs, difference(milliseconds))} on the ${count(comparison.items, 'request')} that both can be simulated on.`,
        ]
      : []),
    ...notes,
  ];
}

function auditText({ target, audited, escalated, cost, latency, quality }: AuditBacktest): string {
  const off = [
    ...(cost ? [`${withInterval(cost, change)} in cost`] : []),
    ...(latency ? [`${withInterval(latency, change)} in latency`] : []),
    ...(quality ? [`${withInterval(quality, points)} in quality`] : []),
  ];
  if (off.length === 0) return `Audits: neither cost nor quality of ${target} is known for enough of them.`;
  return `Backtest on audits: ${count(audited, 'answer')} of ${target} to accepted requests differ by ${off.join(', ')} from its ${count(escalated, 'answer')} to escalated ones. No number here takes the one for the other.`;
}

/** The report for the terminal. */
export const simulationText = (report: SimulationReport, table: Table): string =>
  [
    ...report.known,
    '',
    simulationSentence(report),
    ...['', `quality: ${report.label}`, '', table(simulationHead, simulationRows(report)), ''],
    ...simulationNotes(report),
  ].join('\n');

const signedOf = (value: number | null, format: (value: number) => string): string => (value === null ? none : format(value));

/** What `eval simulate --json` prints. */
export const simulationJson = ({
  route,
  candidate,
  label,
  confidence,
  candidateResult,
  now,
  error,
  audits,
  comparison,
  notes,
  inconclusive,
}: SimulationReport): object => ({
  ...{ route, candidate, quality_from: label, confidence },
  simulated: sideJson(candidateResult),
  deployed: now ? sideJson(now) : null,
  backtest: error
    ? { items: error.items, cost: error.cost, latency_p50: error.latencyP50, latency_p95: error.latencyP95, errors: error.errors }
    : null,
  audit_backtest: audits ?? null,
  comparison: comparison
    ? {
        items: comparison.items,
        cost: comparison.cost,
        quality: comparison.quality,
        latency_ms: comparison.latencyMs,
        too_close: comparison.tooClose,
      }
    : null,
  inconclusive: inconclusive ?? null,
  notes,
});

const sideJson = (side: SimulatedChain): object => ({
  ...{ items: side.items, unsupported: side.unsupported, cost_per_1k: side.costPer1k, quality: side.quality, errors: side.errors },
  ...{ latency_p50: side.latencyP50, latency_p95: side.latencyP95, answered: side.answered },
});
