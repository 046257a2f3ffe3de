/** Certificates from the log of a live cascade, whose reference answers are known by policy or by audit alone. */
import { binomialPValueBelow, meanLossTest, tabulate } from '../../statistics/index.ts';
import { delta, identity, percent } from './certificates.ts';
import type { Guarantee } from './guarantee.ts';
import { type CascadeLog, type CascadeOptions, type Confidence, cascadeLog, harmAt, trueHarm } from './populations.ts';

/** `threshold` is the one from which answers are accepted; it tells what is needed of what was not drawn. */
type LossP = (losses: Float64Array, threshold: number) => number;
export type CascadeTest = (log: CascadeLog, options: CascadeOptions) => LossP;

/** The lowest score from which accepting is certified: every distinct one is a candidate, from the strictest down to the first failure. */
function certifiedThreshold(log: CascadeLog, p: LossP): number {
  let certified = 100;
  const losses = new Float64Array(log.scores.length);
  for (let threshold = 99; threshold >= 0; threshold--) {
    for (let i = 0; i < losses.length; i++) losses[i] = log.scores[i]! >= threshold ? log.harm[i]! : 0;
    if (p(losses, threshold) > delta) break;
    certified = threshold;
  }
  return certified;
}

/** Where nothing was drawn, an accepted answer that nobody knows counts as lost. */
export const byWorstCase: CascadeTest = ({ clusters, drawn, scores }, { bound }) => {
  const test = meanLossTest({ clusters, order: identity(clusters.count), cap: 20 }, { loss: 'harm', binary: true });
  return (losses, threshold) =>
    test.p(
      tabulate(losses.length, i => (drawn[i] ? losses[i]! : Number(scores[i]! >= threshold))),
      bound,
    );
};

const byChances =
  (isThinned: boolean): CascadeTest =>
  ({ clusters, chance, drawn, scores }, { bound, rho }) => {
    const thin = { ids: Array.from(scores, (_, i) => `r${i}`), seed: scores.subarray(0, 5).join(' ') };
    const sample = { clusters, order: identity(clusters.count), cap: 20, chances: { chance, drawn, chanceMin: rho } };
    const test = meanLossTest({ ...sample, ...(isThinned && { thin }) }, { loss: 'harm', binary: true });
    return losses => test.p(losses, bound);
  };
export const byThinning = byChances(true);
export const byInverseChances = byChances(false);

/** Not a construction: only what is known, as if it were all. */
export const byCompleteCases: CascadeTest = ({ drawn }, { bound }) => {
  const known = identity(drawn.length).filter(i => drawn[i]);
  return losses =>
    binomialPValueBelow(
      known.reduce((total, i) => total + losses[i]!, 0),
      known.length,
      bound,
    );
};

export function cascadeGuarantee(options: CascadeOptions, method: string, test: CascadeTest, rest: Partial<Guarantee> = {}): Guarantee {
  const p = harmAt(options.confidence, options.bound).map(x => x * (options.scale ?? 1));
  return {
    generator: `cascade log of ${options.count} ${options.unit}s accepting ${100 - options.deployed} %, audits ${options.rho}, confidence ${options.confidence}`,
    claim: `harm ≤ ${percent(options.bound)} from a threshold on (${method})`,
    ...{ kind: 'false at most', nominal: delta, runs: 600 },
    run: draw => {
      const log = cascadeLog(draw, options);
      return trueHarm(p, certifiedThreshold(log, test(log, options))) >= options.bound - 1e-9;
    },
    ...rest,
  };
}

const base = { bound: 0.05, deployed: 29, unit: 'request' } as const;
const sizes = { 0: 2_000, 0.01: 12_000, 0.03: 4_000, 0.1: 2_000 } as const;
const rhos = [0, 0.01, 0.03, 0.1] as const;
const confidences: readonly Confidence[] = ['informative', 'useless', 'adversarial'];

/** How low a threshold is certified when the harm is a fifth of what it is elsewhere. */
const decides: Guarantee = {
  generator: 'cascade log of 2000 requests accepting 71 %, audits 0.1, confidence useless, a fifth of the harm',
  claim: 'accepting 10 % or more is certified (thinned binomial)',
  ...{ kind: 'decides at least', nominal: 0.8, runs: 300, shortRuns: 20 },
  run: draw => {
    const options = { ...base, confidence: 'useless', rho: 0.1, count: 2_000, scale: 0.2 } as const;
    const log = cascadeLog(draw, options);
    return certifiedThreshold(log, byThinning(log, options)) <= 90;
  },
};

export function cascadeGuarantees(): readonly Guarantee[] {
  const singles = confidences.flatMap(confidence =>
    rhos.flatMap(rho => {
      const options = { ...base, confidence, rho, count: sizes[rho] };
      if (rho === 0) return [cascadeGuarantee(options, 'worst case', byWorstCase)];
      const short = rho === 0.1 ? { shortRuns: 20 } : {};
      return [
        cascadeGuarantee(options, 'thinned binomial', byThinning, short),
        cascadeGuarantee(options, 'inverse-chance betting', byInverseChances),
      ];
    }),
  );
  const informative = { ...base, confidence: 'informative' } as const;
  const below = { ...informative, rho: 0.03, count: 4_000, deployed: 64 };
  const conversations = (rho: number, count: number): CascadeOptions => ({ ...informative, rho, count, unit: 'conversation' });
  return [
    ...singles,
    cascadeGuarantee(below, 'thinned binomial', byThinning),
    cascadeGuarantee(below, 'inverse-chance betting', byInverseChances),
    cascadeGuarantee(conversations(0.03, 2_000), 'clipped sums', byInverseChances),
    cascadeGuarantee(conversations(0.1, 1_000), 'clipped sums', byInverseChances, { shortRuns: 20 }),
    cascadeGuarantee(conversations(0, 500), 'worst case', byWorstCase),
    cascadeGuarantee({ ...informative, rho: 0.03, count: 4_000 }, 'complete cases, which are no construction', byCompleteCases, {
      ...{ kind: 'told', runs: 200 },
    }),
    decides,
  ];
}
