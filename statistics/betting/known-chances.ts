/** Payoffs of outcomes that were drawn with known chances, such as the audited answers of a live cascade. */
import { binomialCdf } from '../distributions/distributions.ts';
import { seededUniform } from '../distributions/seeded-uniform.ts';
import { type Clusters, type Numbers, tabulate } from '../estimation/clustered.ts';
import type { Payoffs } from './mixture.ts';
import type { Claim } from './payoffs.ts';

/** For every request of the population, drawn or not. */
export interface KnownChances {
  /** Of being drawn, set before the outcome; 1 where the outcome is known by policy or not needed. */
  readonly chance: Numbers;
  /** 1 where the outcome is known, else 0; then the loss is not read. */
  readonly drawn: Numbers;
  /** The least chance that the configuration can give. Never the least one that happened to be drawn. */
  readonly chanceMin: number;
}

/** Sums are clipped at so many draws of the least chance, and multiplied by `factor`, so that their mean is never below the true one. */
export interface Clipping {
  readonly draws: number;
  readonly factor: number;
}

/**
 * k0 = max(1, ⌈M π⌉) and c = M π / E[min(Bin(M, π), k0)], for at most M requests drawn independently with chances of at least π.
 * E[c · min(Σ R h / π_i, k0 / π)] ≥ E[Σ h] for h in [0, 1]: chances above π are a mean-preserving contraction and the minimum is concave, so
 * equal chances π and losses of 0 and 1 are the worst case. Without the clipping the limit of a conversation would be M / π.
 */
export function clippingOf(cap: number, chanceMin: number): Clipping {
  const draws = Math.max(1, Math.ceil(cap * chanceMin - 1e-9));
  // E[min(Bin, k)] = Σ_{j<k} P(Bin > j).
  let mean = 0;
  for (let j = 0; j < draws; j++) mean += 1 - binomialCdf(j, cap, chanceMin);
  return { draws, factor: (cap * chanceMin) / mean };
}

/**
 * For "the mean loss per request is below (above) the bound" over all requests, drawn or not. Independent requests (cap 1):
 * X = R h / π - bound, limit 1/π_min - bound (Horvitz and Thompson, 1952). Conversations: the clipped sum of `clippingOf`. Losses in [0, 1]
 * rise with the payoff, so every distinct threshold may be a candidate. Net losses (from -1) of conversations keep the unclipped limit
 * cap · (1/π_min - bound), which is valid and weak. Draws are independent from request to request, given what was known before.
 * @throws RangeError when a chance lies below the least one that the configuration is said to give.
 */
export function inverseChancePayoffs(losses: Numbers, clusters: Clusters, chances: KnownChances, claim: Claim): Payoffs {
  const { bound, side = 'below', cap, beyond = 'unclaimed', from = 0, to = 1 } = claim;
  const { chanceMin } = chances;
  const sums = new Float64Array(clusters.count);
  const sizes = new Int32Array(clusters.count);
  const seen = new Int32Array(clusters.count);
  for (let i = 0; i < losses.length; i++) {
    checkChance(chances, i);
    const g = clusters.of[i]!;
    const isInside = seen[g]!++ < cap;
    if (isInside || beyond === 'reference') sizes[g]!++;
    if (isInside && chances.drawn[i]) sums[g]! += losses[i]! / chances.chance[i]!;
  }
  if (side === 'above') {
    if (beyond === 'reference' || from < 0) throw new RangeError('a lower bound speaks of losses of at least 0 below the cap alone');
    return { values: tabulate(clusters.count, g => bound * sizes[g]! - sums[g]!), upper: bound * cap };
  }
  if (from < 0 || cap === 1)
    return { values: tabulate(clusters.count, g => sums[g]! - bound * sizes[g]!), upper: cap * (to / chanceMin - bound) };
  const { draws, factor } = clippingOf(cap, chanceMin);
  const most = draws / chanceMin;
  return {
    values: tabulate(clusters.count, g => factor * Math.min(sums[g]!, most) - bound * sizes[g]!),
    upper: draws * (factor / chanceMin - bound),
  };
}

function checkChance({ chance, chanceMin }: KnownChances, i: number): void {
  if (!(chance[i]! >= chanceMin * (1 - 1e-9)) || !(chance[i]! <= 1))
    throw new RangeError(`the chance ${chance[i]} is not in [${chanceMin}, 1]`);
}

/**
 * The same where only the drawn rows are at hand, each with its weight 1/π: X = Σ w (h - bound), limit cap · (1 - bound) · weightMax.
 * `weightMax` is 1 over the least chance of the configuration. Not monotone in a threshold: candidates come from other data.
 */
export function drawnOnlyPayoffs(
  losses: Numbers,
  weights: Numbers,
  clusters: Clusters,
  claim: Claim & { readonly weightMax: number },
): Payoffs {
  const { bound, cap, to = 1, weightMax } = claim;
  const values = new Float64Array(clusters.count);
  const seen = new Int32Array(clusters.count);
  for (let i = 0; i < losses.length; i++) {
    if (!(weights[i]! <= weightMax * (1 + 1e-9))) throw new RangeError(`the weight ${weights[i]} is above its limit ${weightMax}`);
    if (seen[clusters.of[i]!]!++ < cap) values[clusters.of[i]!]! += weights[i]! * (losses[i]! - bound);
  }
  return { values, upper: cap * (to - bound) * weightMax };
}

/**
 * Augmented by predictions m in [0, 1]: X = m + R (h - m) / π - bound, limit cap · (1/π_min - bound). Sharper where the predictions are good.
 * Valid only if m was fixed before, or fitted on units that are bet on earlier; cross-fitting over folds is not allowed here.
 * Not monotone in a threshold: candidates come from other data. Robins, Rotnitzky and Zhao (1994); Waudby-Smith et al. (2024).
 */
export function augmentedPayoffs(
  losses: Numbers,
  predictions: Numbers,
  clusters: Clusters,
  chances: KnownChances,
  { bound, cap }: { readonly bound: number; readonly cap: number },
): Payoffs {
  const values = new Float64Array(clusters.count);
  const seen = new Int32Array(clusters.count);
  for (let i = 0; i < losses.length; i++) {
    checkChance(chances, i);
    if (seen[clusters.of[i]!]!++ >= cap) continue;
    const m = predictions[i]!;
    const correction = chances.drawn[i] ? (losses[i]! - m) / chances.chance[i]! : 0;
    values[clusters.of[i]!]! += m + correction - bound;
  }
  return { values, upper: cap * (1 / chances.chanceMin - bound) };
}

/**
 * Indexes of the requests that are kept so that each had the same chance `chanceMin`: an independent sample of all, drawn or not, for the
 * exact binomial. A drawn one stays with chance chanceMin / chance, by a hash of seed and id, the same for every candidate. `chance` is the
 * recorded one (rho where the answer was accepted), not 1 for what one candidate happens not to need. For independent requests only.
 */
export function thinned(ids: readonly string[], chances: KnownChances, seed: string): Int32Array {
  const kept: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    checkChance(chances, i);
    if (chances.drawn[i] && seededUniform(`thin ${seed}`, ids[i]!) * chances.chance[i]! < chances.chanceMin) kept.push(i);
  }
  return Int32Array.from(kept);
}

/**
 * With chances that know no least one, a floor chosen before: what was drawn with less counts as wholly lost, drawn or not, and as known.
 * `needed` is 1 where the candidate needs the outcome; elsewhere the loss is 0 and stays so.
 */
export function withChanceFloor(
  losses: Numbers,
  { chance, drawn }: Omit<KnownChances, 'chanceMin'>,
  needed: Numbers,
  floor: number,
): { readonly losses: Float64Array; readonly chances: KnownChances } {
  const n = losses.length;
  const isBelow = (i: number): boolean => !(chance[i]! >= floor);
  const isKnown = (i: number): boolean => isBelow(i) || !needed[i];
  return {
    losses: tabulate(n, i => (!needed[i] ? 0 : isBelow(i) ? 1 : losses[i]!)),
    chances: {
      chance: tabulate(n, i => (isKnown(i) ? 1 : chance[i]!)),
      drawn: tabulate(n, i => (isKnown(i) ? 1 : drawn[i]!)),
      chanceMin: floor,
    },
  };
}
