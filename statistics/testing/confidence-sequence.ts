/** Confidence sequences: intervals that are valid at every look, so that optional stopping costs nothing. */
import type { Inference } from '../estimation/estimate.ts';

/**
 * The asymptotic confidence sequence of a mean of `n` independent clusters with standard error `error`, tightest around `planned` clusters.
 * ± √( (nσ²ρ² + 1)/(n²ρ²) · ln((nσ²ρ² + 1)/α²) ), two-sided at α; σ² = n · error². Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
 * "Time-uniform central limit theory" (2024), proposition 2.5.
 */
export function sequentialInference(value: number, error: number, n: number, planned: number): Inference {
  const variance = n * error * error;
  const rho = (alpha: number): number => {
    const least = -2 * Math.log(alpha);
    return Math.sqrt((least + Math.log(least + 1)) / (Math.max(1, planned) * (variance || 1)));
  };
  const spread = (r: number): number => n * variance * r * r + 1;
  const margin = (alpha: number): number => {
    if (n < 2) return Number.POSITIVE_INFINITY;
    const r = rho(alpha);
    return Math.sqrt((spread(r) / (n * n * r * r)) * Math.log(spread(r) / (alpha * alpha)));
  };
  /** ρ must not depend on the data, so tests use that of the usual level. */
  const p = (gap: number): number => {
    if (!(gap > 0) || n < 2) return 1;
    const r = rho(0.05);
    return Math.min(1, Math.sqrt(spread(r)) * Math.exp((-gap * gap * n * n * r * r) / (2 * spread(r)))) / 2;
  };
  return {
    value,
    interval: confidence => ({ value, low: value - margin(1 - confidence), high: value + margin(1 - confidence) }),
    pValueBelow: bound => p(bound - value),
    pValueAbove: bound => p(value - bound),
  };
}
