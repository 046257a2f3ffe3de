/** The tables of a comparison, for every report format. */
import { comparisonMethods } from '../comparison/diff.ts';
import type { Pair } from '../comparison/totals.ts';
import type { ArmDiff } from './comparison.ts';
import { change, inUnit, money, ms, percent, signed, withInterval } from './format.ts';

export interface ReportTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The result in one sentence. */
export function summarySentence({ totals: { shares, recorded, replayed, unpriced } }: Pick<ArmDiff, 'totals'>): string {
  const open = shares.undecided > 0 ? `, ${percent(shares.undecided, 1)} need a judge` : '';
  const alike = `${percent(shares.same + shares.equivalent, 1)} of the responses are the same${open}`;
  if (recorded.costNanoUsd === 0) return `${alike}; their cost cannot be compared${unpriced > 0 ? `, ${unpriced} are unpriced` : ''}.`;
  const more = replayed.costNanoUsd / recorded.costNanoUsd - 1;
  return `${alike}, at ${Math.abs(100 * more).toFixed(1)} % ${more <= 0 ? 'less' : 'more'} cost.`;
}

/** Likeness, tokens, cost and latency of both sides. */
export function totalsRows({ totals }: ArmDiff): ReportTable {
  const { recorded, replayed, likeness, shares, pairs } = totals;
  const both = likeness.same + likeness.equivalent + likeness.undecided + likeness.different;
  const isPriced = recorded.costNanoUsd > 0 || replayed.costNanoUsd > 0 || (totals.unpriced === 0 && both > 0);
  const cost = isPriced
    ? ['cost', money(recorded.costNanoUsd), money(replayed.costNanoUsd), change(recorded.costNanoUsd, replayed.costNanoUsd)]
    : ['cost', ...Array<string>(2).fill(totals.unpriced > 0 ? 'unpriced' : '–'), '–'];
  return {
    head: ['', 'recorded', 'replayed', 'change'],
    rows: [
      ['same', '', `${likeness.same}`, percent(shares.same, 1)],
      ['equivalent', '', `${likeness.equivalent}`, percent(shares.equivalent, 1)],
      ['undecided', '', `${likeness.undecided}`, percent(shares.undecided, 1)],
      ['different', '', `${likeness.different}`, percent(shares.different, 1)],
      ['only one side succeeded', '', `${likeness.failed}`, percent(shares.failed, 1)],
      ['finish reason changed', '', `${totals.finishChanged}`, percent(totals.finishChanged, pairs)],
      ['output tokens', `${recorded.outputTokens}`, `${replayed.outputTokens}`, change(recorded.outputTokens, replayed.outputTokens)],
      cost,
      ['latency, mean', ms(recorded.latencyMsMean), ms(replayed.latencyMsMean), change(recorded.latencyMsMean, replayed.latencyMsMean)],
      ...(totals.unpriced > 0 ? [['pairs without a known price', '', `${totals.unpriced}`, '']] : []),
    ],
  };
}

/** An arm's metrics: recorded, replayed, and the paired difference with its interval. */
export const metricRows = ({ metrics }: ArmDiff): ReportTable => ({
  head: ['per request', 'recorded', 'replayed', 'difference, 95 %', 'pairs'],
  rows: metrics.map(({ name, unit, recorded, replayed, delta, pairs }) => [
    name,
    inUnit(recorded, unit),
    inUnit(replayed, unit),
    withInterval(delta, unit),
    `${pairs}`,
  ]),
});

/** How many pairs each comparison method decided. */
export const methodRows = ({ totals }: ArmDiff): ReportTable => ({
  head: ['decided by', 'pairs', ''],
  rows: comparisonMethods
    .filter(rung => totals.rungs[rung] > 0)
    .map(rung => [rung, `${totals.rungs[rung]}`, percent(totals.rungs[rung], totals.pairs)]),
});

const pathsShown = 20;

/** Where responses differ most often, beside the noise of A/A runs. */
export const pathRows = ({ paths }: ArmDiff): ReportTable => ({
  head: ['differs at', 'pairs', 'share', 'run-to-run noise (A/A)', 'beyond noise, 95 %'],
  rows: paths
    .slice(0, pathsShown)
    .map(({ path, count, share, noise, beyond }) => [
      path,
      `${count}`,
      inUnit(share, 'share'),
      noise === undefined ? '–' : inUnit(noise, 'share'),
      beyond === undefined ? '–' : `${withInterval(beyond, 'share')}${beyond.low > 0 ? ' more' : ' noise'}`,
    ]),
});

/** One row for each pair. */
export const pairRows = (pairs: readonly Pair[]): ReportTable => ({
  head: ['request', 'recorded', 'replayed', 'verdict', 'by', 'tokens', 'cost', 'latency', 'what'],
  rows: pairs.map(({ id, recorded, replayed, diff }) => [
    id,
    recorded.target,
    replayed.target,
    diff.likeness,
    diff.similarity === undefined ? diff.decidedBy : `${diff.decidedBy} ${diff.similarity.toFixed(2)}`,
    signed(diff.outputTokens),
    diff.costNanoUsd === undefined ? 'unpriced' : `${diff.costNanoUsd < 0 ? '' : '+'}${money(diff.costNanoUsd)}`,
    `${signed(Math.round(diff.latencyMs))} ms`,
    [...diff.details, ...(diff.finishChanged ? [`finish ${recorded.finish} → ${replayed.finish}`] : [])].join('; '),
  ]),
});
