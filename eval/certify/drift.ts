/** Whether the traffic still resembles that of a certificate: distribution of signals, escalation rate, models. */

import { stabilityIndex } from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { Chain, SweptSignal } from '../policies/chain.ts';
import { signalOf } from '../sweep/thresholds.ts';

/** Of one step's signal: shares in bins between these edges; the answers that show none are a bin of their own. */
export interface SignalHistogram {
  readonly target: string;
  readonly edges: readonly number[];
  readonly shares: readonly number[];
  readonly silent: number;
  readonly count: number;
}

export interface Baseline {
  readonly signals: readonly SignalHistogram[];
  /** Of all requests: what each step but the last accepts. */
  readonly accepted: readonly number[];
}

const bins = 10;

/** Bins of equal count as far as ties allow, as is usual for the population stability index. */
export function baselineOf(chain: Chain, items: readonly Item[], signal: SweptSignal, thresholds: readonly number[]): Baseline {
  const targets = chain.targets.slice(0, -1);
  return {
    signals: targets.map(target => {
      const values = signalValues(items, target, signal);
      const sorted = values.toSorted((a, b) => a - b);
      const edges = [...new Set(Array.from({ length: bins - 1 }, (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / bins)]!))];
      return { target, ...binShares(items, target, signal, sorted.length === 0 ? [] : edges) };
    }),
    accepted: targets.map((target, k) => acceptedShare(items, target, signal, thresholds[k]!)),
  };
}

const signalValues = (items: readonly Item[], target: string, signal: SweptSignal): readonly number[] =>
  items.flatMap(item => signalOf(item.outcomes.get(target), signal) ?? []);

const acceptedShare = (items: readonly Item[], target: string, signal: SweptSignal, threshold: number): number =>
  signalValues(items, target, signal).filter(value => value >= threshold).length / Math.max(1, items.length);

function binShares(items: readonly Item[], target: string, signal: SweptSignal, edges: readonly number[]): Omit<SignalHistogram, 'target'> {
  const answered = items.filter(item => item.outcomes.has(target));
  const counts = new Array<number>(edges.length + 1).fill(0);
  let silent = 0;
  for (const item of answered) {
    const value = signalOf(item.outcomes.get(target), signal);
    if (value === undefined) silent++;
    else counts[edges.filter(edge => value >= edge).length]!++;
  }
  const n = Math.max(1, answered.length);
  return { edges, shares: counts.map(c => c / n), silent: silent / n, count: answered.length };
}

export interface Drift {
  readonly psi: number;
  readonly perTarget: readonly { readonly target: string; readonly psi: number; readonly answers: number }[];
  readonly accepted: readonly number[];
  readonly items: number;
}

/** How far the items are from the certificate's baseline: stability index (PSI) and accepted share of each target. */
export function driftOf(baseline: Baseline, items: readonly Item[], signal: SweptSignal, thresholds: readonly number[]): Drift {
  const perTarget = baseline.signals.map(then => {
    const now = binShares(items, then.target, signal, then.edges);
    const psi = stabilityIndex([...then.shares, then.silent], [...now.shares, now.silent], [then.count, now.count]);
    return { target: then.target, psi, answers: now.count };
  });
  return {
    psi: Math.max(0, ...perTarget.map(({ psi }) => psi)),
    perTarget,
    accepted: baseline.signals.map(({ target }, k) => acceptedShare(items, target, signal, thresholds[k]!)),
    items: items.length,
  };
}

/** The usual limits: a drift to look at, and one that ends a certificate. */
export const psiWarn = 0.1;
export const psiExpire = 0.25;

/** The served models of each target, where recorded. */
export const modelsOf = (items: readonly Item[], targets: readonly string[]): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    targets.flatMap(target => {
      const models = [...new Set(items.flatMap(({ outcomes }) => outcomes.get(target)?.model || []))].sort();
      return models.length === 0 ? [] : [[target, models] as const];
    }),
  );
