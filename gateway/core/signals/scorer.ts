import type { FeatureName, SignalName, Signals } from './names.ts';

export interface ScorerFeature {
  readonly signal: Exclude<SignalName, 'scorer'> | FeatureName;
  readonly weight: number;
  /** Subtracted from the signal, and used for a missing one; 0 when absent. */
  readonly mean?: number;
  /** Divides the difference; 1 when absent. */
  readonly scale?: number;
}

/** A logistic model over signals, fitted by `hindcast eval train`. */
export interface Scorer {
  readonly type: 'logistic';
  readonly features: readonly ScorerFeature[];
  readonly intercept: number;
}

/** In [0, 1]. Undefined when none of its signals could be measured. */
export function applyScorer({ features, intercept }: Scorer, signals: Signals): number | undefined {
  if (!features.some(({ signal }) => signals[signal] !== undefined)) return undefined;
  let sum = intercept;
  for (const { signal, weight, mean = 0, scale = 1 } of features) sum += (weight * ((signals[signal] ?? mean) - mean)) / (scale || 1);
  return 1 / (1 + Math.exp(-sum));
}

/** The signals with the scorer's value; any earlier `scorer` value is replaced. */
export function withScorerSignal(scorer: Scorer | undefined, signals: Signals): Signals {
  if (!scorer) return signals;
  const scored = applyScorer(scorer, signals);
  const { scorer: _, ...rest } = signals;
  return scored === undefined ? rest : { ...rest, scorer: scored };
}
