/**
 * Weights for unequal sampling probabilities: Hájek's mean reaches its coverage. The weighted test keeps its level where the unweighted
 * one does not.
 */
import { expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { parseOutcomes } from '../../eval/outcomes/file.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { printOutcomes } from '../../eval/outcomes/snapshot.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import {
  conversationPayoffs,
  drawnOnlyPayoffs,
  kishEffectiveSampleSize,
  mixturePValue,
  randomGenerator,
  unclustered,
  weightedBoundedInference,
  weightedMean,
  weightedMeanInference,
} from '../../statistics/index.ts';

/** Audits: accepted early with a loss of 5 % and sampled one in five, or escalated without loss and always known. */
function auditSample(draw: () => number, n: number, loss: number, chance = 0.2): { readonly x: Float64Array; readonly w: Float64Array } {
  const [x, w]: [number[], number[]] = [[], []];
  for (let i = 0; i < n; i++) {
    const early = draw() < 0.6;
    const lost = early && draw() < loss / 0.6 ? 1 : 0;
    if (early && draw() >= chance) continue;
    x.push(lost);
    w.push(early ? 1 / chance : 1);
  }
  return { x: Float64Array.from(x), w: Float64Array.from(w) };
}

test('weighted numbers of three items that stand for 1, 1 and 4 equal those computed by hand', () => {
  expect(weightedMean([1, 0, 0.5], [1, 1, 4])).toBe(0.5);
  expect(kishEffectiveSampleSize([1, 1, 4])).toBe(2);
  expect(weightedMean([1, 0], undefined)).toBe(0.5);
  // Hájek's variance: Σ w² (x - m)² / (Σ w)², times n / (n - 1).
  const { value, high } = weightedMeanInference([1, 0, 0.5, 0], [1, 1, 4, 2], unclustered(4)).interval(0.95);
  const error = Math.sqrt(((4 / 3) * (0.625 ** 2 + 0.375 ** 2 + (4 * 0.125) ** 2 + (2 * 0.375) ** 2)) / 8 ** 2);
  expect(value).toBe(0.375);
  expect((high - value) / error).toBeCloseTo(3.18245, 4);
});

test('the interval covers the truth, which the unweighted mean misses', () => {
  const draw = randomGenerator(5);
  const runs = 400;
  let [covered, guarded, plain] = [0, 0, 0];
  for (let run = 0; run < runs; run++) {
    const { x, w } = auditSample(draw, 1_500, 0.1);
    const { low, high } = weightedMeanInference(x, w, unclustered(x.length)).interval(0.95);
    if (low <= 0.1 && 0.1 <= high) covered++;
    const wide = weightedBoundedInference(x, w, unclustered(x.length), 0, 1).interval(0.95);
    if (wide.low <= 0.1 && 0.1 <= wide.high) guarded++;
    plain += weightedMean(x, undefined) / runs;
  }
  expect(covered / runs).toBeGreaterThan(0.92);
  expect(covered / runs).toBeLessThan(0.98);
  expect(guarded / runs).toBeGreaterThan(0.93);
  expect(plain).toBeLessThan(0.05);
});

test('at the bound the weighted test seldom errs; the unweighted test nearly always does', () => {
  const draw = randomGenerator(6);
  const runs = 400;
  let [weightedErrors, plainErrors] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const { x, w } = auditSample(draw, 2_000, 0.05);
    const claim = { bound: 0.05, cap: 1 };
    const singles = unclustered(x.length);
    if (mixturePValue(drawnOnlyPayoffs(x, w, singles, { ...claim, weightMax: 5 })) <= 0.05) weightedErrors++;
    if (mixturePValue(conversationPayoffs(x, singles, claim)) <= 0.05) plainErrors++;
  }
  expect(weightedErrors / runs).toBeLessThanOrEqual(0.07);
  expect(plainErrors / runs).toBeGreaterThan(0.8);
});

test('a certificate on audits names its test and certifies only what holds', () => {
  const draw = randomGenerator(7);
  const items = Array.from({ length: 4_000 }, (_, i): Item | undefined => {
    const sure = draw();
    const early = sure > 0.5;
    if (early && draw() > 0.25) return undefined;
    const quality = draw() < (early ? 0.005 : 0.3) ? 0 : 1;
    return {
      ...{ id: `q${i}`, cluster: `q${i}`, ...(early ? { weight: 4 } : {}) },
      outcomes: new Map([
        ['a', { quality, signals: { scorer: Math.round(sure * 20) / 20 }, costNanoUsd: 1 }],
        ['b', { quality: 1, signals: {}, costNanoUsd: 10 }],
      ]),
    };
  }).filter(item => item !== undefined);
  const repeated = parseOutcomes(printOutcomes(items, ['a', 'b']));
  expect(repeated).toMatchObject({ ok: true });
  const kept = completeItems(repeated.ok ? repeated.items : [], ['a', 'b']);
  const options = { signal: 'confidence', loss: 'harm', lossMax: 0.02, confidence: 0.95, seed: 1 } as const;
  const certificate = certify(chainOf('a,b', new Map()) as Chain, kept, { ...options, chanceMin: 0.25 });
  expect(certificate.method).toBe('betting on drawn requests');
  // Weights are bounded by what the configuration says, never by the largest that was drawn.
  expect(certify(chainOf('a,b', new Map()) as Chain, kept, options).certified).toBeNull();
  expect(certificate.certified?.threshold).toBeGreaterThanOrEqual(0.45);
  expect(certificate.certified?.threshold).toBeLessThanOrEqual(0.6);
  // Half of the traffic is accepted, but only a fifth of the sample.
  expect(certificate.certified?.answered[0]).toBeGreaterThan(0.4);
});
