/** The estimators against a second, slow implementation, written from the formulas alone. */
import { describe, expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { completeItems, type Item, type Outcome } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { sweep } from '../../eval/sweep/sweep.ts';
import {
  aurc,
  auroc,
  brier,
  calibrated,
  calibrationError,
  clusteredMean,
  clustersOf,
  equalWidthBins,
  fitCalibrator,
  holm,
  normalDraw,
  randomGenerator,
  tInference,
  unclustered,
  wilson,
} from '../../statistics/index.ts';

const long = process.env.HINDCAST_LONG !== undefined;
const draw = randomGenerator(2026);
const n = 240;
const rows = Array.from({ length: n }, (_, i) => {
  const sure = Math.round(draw() * 40) / 40;
  return {
    id: `r${String(i).padStart(4, '0')}`,
    cluster: `c${i % 80}`,
    sure,
    small: draw() < 0.4 + sure / 2 ? 1 : 0,
    large: draw() < 0.9 ? 1 : 0,
    cheap: 5 + (i % 7),
    dear: 60 + (i % 11),
  };
});
const items = rows.map(({ id, cluster, sure, small, large, cheap, dear }): Item => {
  const of = (quality: number, costNanoUsd: number, signals: Outcome['signals']): Outcome => ({ quality, costNanoUsd, signals });
  return {
    id,
    cluster,
    outcomes: new Map([
      ['small', of(small, cheap, { scorer: sure })],
      ['large', of(large, dear, {})],
    ]),
  };
});
const chain = chainOf('small,large', new Map()) as Chain;
const sures = rows.map(r => r.sure);
const rights = rows.map(r => r.small);

const choose = (a: number, b: number): number => {
  let product = 1;
  for (let i = 1; i <= b; i++) product = (product * (a - b + i)) / i;
  return product;
};
/** By direct summation. */
const binomialTail = (k: number, of: number, p: number): number =>
  Array.from({ length: k + 1 }, (_, i) => choose(of, i) * p ** i * (1 - p) ** (of - i)).reduce((s, x) => s + x, 0);

describe('against the formulas', () => {
  test('a sweep equals a loop over the rows', () => {
    const swept = sweep(chain, { items, label: '', notes: [] }, { signal: 'confidence', confidence: 0.95 })!;
    for (const row of swept.rows) {
      const [t] = row.thresholds!;
      const way = rows.map(r => (r.sure >= t! ? { q: r.small, c: r.cheap } : { q: r.large, c: r.cheap + r.dear }));
      const total = (of: (w: (typeof way)[number], i: number) => number): number => way.map(of).reduce((s, x) => s + x, 0);
      expect(row.quality.value).toBeCloseTo(total(w => w.q) / n, 12);
      expect(row.relativeCost!.value).toBeCloseTo(total(w => w.c) / rows.reduce((s, r) => s + r.dear, 0), 12);
      expect(row.worse).toBe(total((w, i) => Number(w.q < rows[i]!.large)));
      expect(row.better).toBe(total((w, i) => Number(w.q > rows[i]!.large)));
      const [cheap, best] = [rows.reduce((s, r) => s + r.cheap, 0) / n, rows.reduce((s, r) => s + r.dear, 0) / n];
      const [low, high] = [rows.reduce((s, r) => s + r.small, 0) / n, rows.reduce((s, r) => s + r.large, 0) / n];
      const mix = total(w => w.c) / n >= best ? high : low + ((high - low) * (total(w => w.c) / n - cheap)) / (best - cheap);
      expect(row.vsRandomMix!.value).toBeCloseTo(total(w => w.q) / n - mix, 10);
    }
  });

  test('a certificate equals fixed-sequence testing with summed binomials', () => {
    const alone = items.map(item => ({ ...item, cluster: item.id }));
    const certificate = certify(chain, completeItems(alone, chain.targets), {
      signal: 'confidence',
      loss: 'harm',
      lossMax: 0.12,
      confidence: 0.9,
      seed: 0,
    });
    let expected: number | undefined;
    for (const t of [...new Set(sures)].sort((a, b) => b - a)) {
      const harm = rows.filter(r => r.sure >= t && r.small < r.large).length;
      if (binomialTail(harm, n, 0.12) > 0.1) break;
      expected = t;
    }
    expect(expected).toBeDefined();
    expect(certificate.certified!.threshold).toBeLessThanOrEqual(expected!);
    expect(rows.filter(r => r.sure >= certificate.certified!.threshold).length).toBe(rows.filter(r => r.sure >= expected!).length);
    for (const { loss, p } of certificate.tested) expect(p).toBeCloseTo(binomialTail(Math.round(loss * n), n, 0.12), 10);
  });

  test('clustered errors equal their formulas: Wilson, Brier, calibration error, AUROC, AURC', () => {
    const clusters = clustersOf(rows.map(r => r.cluster));
    const mean = rights.reduce((s: number, x) => s + x, 0) / n;
    const groups = Map.groupBy(rows, r => r.cluster);
    const squares = [...groups.values()].map(g => g.reduce((s, r) => s + r.small - mean, 0) ** 2).reduce((s, x) => s + x, 0);
    expect(clusteredMean(rights, clusters).standardError).toBeCloseTo(Math.sqrt(((80 / 79) * squares) / n ** 2), 12);
    const z = 1.959963984540054;
    const root = z * Math.sqrt((mean * (1 - mean)) / n + z ** 2 / (4 * n * n));
    expect(wilson(mean * n, n, 0.95).high).toBeCloseTo((mean + z ** 2 / (2 * n) + root) / (1 + z ** 2 / n), 9);
    expect(brier(sures, rights)).toBeCloseTo(rows.reduce((s, r) => s + (r.sure - r.small) ** 2, 0) / n, 12);
    const bins = Array.from({ length: 10 }, (_, b) =>
      rows.filter(r => (r.sure === 0 ? b === 0 : r.sure > b / 10 + 1e-12 && r.sure <= (b + 1) / 10 + 1e-12)),
    );
    const error = bins.reduce((s, b) => s + Math.abs(b.reduce((t, r) => t + r.small - r.sure, 0)), 0) / n;
    expect(calibrationError(equalWidthBins(sures, rights))).toBeCloseTo(error, 9);
    const pairs = rows
      .filter(r => r.small === 1)
      .flatMap(a => rows.filter(r => r.small === 0).map(b => (a.sure > b.sure ? 1 : a.sure === b.sure ? 0.5 : 0)));
    expect(auroc(sures, rights)).toBeCloseTo(pairs.reduce<number>((s, x) => s + x, 0) / pairs.length, 12);
    // The k-th place is inside a tie of equal confidence: what is above it for certain, and the tie's mean for the rest.
    const area = rows
      .toSorted((a, b) => b.sure - a.sure)
      .map(({ sure }, k) => {
        const [above, tied] = [rows.filter(r => r.sure > sure), rows.filter(r => r.sure === sure)];
        const wrong = (some: typeof rows): number => some.filter(r => !r.small).length;
        return (wrong(above) + ((k + 1 - above.length) * wrong(tied)) / tied.length) / (k + 1);
      })
      .reduce((total, risk) => total + risk / n, 0);
    expect(aurc(sures, rights)).toBeCloseTo(area, 12);
  });

  test("isotonic regression equals the max–min of means (Robertson, Wright and Dykstra's formula)", () => {
    const values = [...new Set(sures)].sort((a, b) => a - b);
    const between = (a: number, b: number): number => {
      const inside = rows.filter(r => r.sure >= a && r.sure <= b);
      return inside.reduce((s, r) => s + r.small, 0) / inside.length;
    };
    const fitted = fitCalibrator('isotonic', sures, rights);
    for (const v of values) {
      const best = Math.max(...values.filter(u => u <= v).map(u => Math.min(...values.filter(w => w >= v).map(w => between(u, w)))));
      expect(calibrated(fitted, v)).toBeCloseTo(best, 10);
    }
  });

  test('Holm equals the closed test by Bonferroni', () => {
    const p = [0.004, 0.03, 0.021, 0.2];
    const adjusted = p.map((_, i) => {
      const sets = Array.from({ length: 16 }, (_, mask) => [0, 1, 2, 3].filter(k => mask & (1 << k))).filter(set => set.includes(i));
      return Math.max(...sets.map(set => Math.min(1, set.length * Math.min(...set.map(k => p[k]!)))));
    });
    expect(holm(p)).toEqual(adjusted.map(x => expect.closeTo(x, 12)));
  });
});

test.each([0, 0.2, 0.5])('intervals of clustered data reach their coverage with an intraclass correlation of %d', icc => {
  const dice = randomGenerator(100 + icc * 10);
  const sims = long ? 20_000 : 4_000;
  let covered = 0;
  for (let k = 0; k < sims; k++) {
    const values: number[] = [];
    const of: number[] = [];
    for (let g = 0; g < 40; g++) {
      const common = Math.sqrt(icc) * normalDraw(dice);
      for (let i = 0; i < 1 + (g % 5); i++) {
        values.push(common + Math.sqrt(1 - icc) * normalDraw(dice));
        of.push(g);
      }
    }
    const { mean, standardError } = clusteredMean(values, { of: Int32Array.from(of), count: 40 });
    const { low, high } = tInference(mean, standardError, 39).interval(0.95);
    if (low <= 0 && 0 <= high) covered++;
  }
  expect(covered / sims).toBeGreaterThanOrEqual(0.935);
  expect(covered / sims).toBeLessThanOrEqual(0.965);
  expect(unclustered(3).count).toBe(3);
});
