/** Certificates for several thresholds, constraints and slices; what they are given on, and when they end. */
import { describe, expect, test } from 'vitest';
import { type CertifyOptions, certify } from '../../eval/certify/certify.ts';
import { baselineOf, driftOf } from '../../eval/certify/drift.ts';
import { expiryOf } from '../../eval/certify/expiry.ts';
import { hashOf, itemsInRole, splitOf } from '../../eval/certify/split.ts';
import { parseManifest, printManifest, spendDelta } from '../../eval/certify/split-manifest.ts';
import { completeItems, type Item, type Outcome } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { certificateSentence } from '../../eval/report/certificate/text.ts';
import { randomGenerator, shuffled, stabilityIndex } from '../../statistics/index.ts';

const long = process.env.HINDCAST_LONG !== undefined;
const chain = (text: string): Chain => chainOf(text, new Map()) as Chain;
const three = chain('small,middle,large');
const two = chain('small,large');

/** Each tier is right with the probability of its confidence: accepting at t harms (1 - sure)/2 of what is accepted. */
function population(n: number, draw: () => number, more: (i: number) => Partial<Item> = () => ({})): Item[] {
  return Array.from({ length: n }, (_, i): Item => {
    const outcome = (cost: number, worth: number): Outcome => {
      const sure = Math.round(draw() * 20) / 20;
      return { quality: draw() < 0.5 + sure / 2 + worth ? 1 : 0, signals: { scorer: sure }, costNanoUsd: cost, latencyMs: cost * 10 };
    };
    const outcomes = new Map([
      ['small', outcome(10, 0)],
      ['middle', outcome(30, 0.1)],
      ['large', { ...outcome(100, 0), quality: 1 }],
    ]);
    return { id: `i${String(i).padStart(6, '0')}`, cluster: `c${i}`, outcomes, ...more(i) };
  });
}
/** Of a chain of three, by the law that `population` follows. */
function trueHarm([a, b]: readonly number[]): number {
  const grid = Array.from({ length: 21 }, (_, k) => ({ sure: k / 20, weight: (k === 0 || k === 20 ? 0.5 : 1) / 20 }));
  let harm = 0;
  let reached = 1;
  for (const [t, worth] of [
    [a!, 0],
    [b!, 0.1],
  ] as const) {
    const accepted = grid.filter(({ sure }) => sure >= t);
    harm += reached * accepted.reduce((s, { sure, weight }) => s + weight * Math.max(0, 0.5 - sure / 2 - worth), 0);
    reached *= 1 - accepted.reduce((s, { weight }) => s + weight, 0);
  }
  return harm;
}

const options: CertifyOptions = { signal: 'confidence', loss: 'harm', lossMax: 0.05, confidence: 0.9, seed: 1 };
const of = (items: readonly Item[], more: Partial<CertifyOptions> = {}, c = three) =>
  certify(c, completeItems(items, c.targets), { ...options, ...more });

describe('a chain of three', () => {
  test('is certified on other requests than it is tuned on, and saves money', () => {
    const certificate = of(population(2_000, randomGenerator(3)));
    expect(certificate.procedure).toBe('Pareto testing');
    expect(certificate.split!.tune + certificate.split!.certify + certificate.split!.audit).toBe(2_000);
    expect(certificate.measuredOn).toBe('audit');
    expect(certificate.certified!.thresholds).toHaveLength(2);
    expect(certificate.certified!.relativeCost!.high).toBeLessThan(1);
    expect(trueHarm(certificate.certified!.thresholds)).toBeLessThan(0.05);
  });

  test('is certified wrongly no more often than it says', { timeout: 120_000 }, () => {
    const trials = long ? 400 : 40;
    const draw = randomGenerator(11);
    let [wrong, given] = [0, 0];
    for (let k = 0; k < trials; k++) {
      const { certified } = of(population(400, draw));
      if (!certified) continue;
      given++;
      if (trueHarm(certified.thresholds) > 0.05) wrong++;
    }
    expect(given).toBeGreaterThan(trials / 2);
    expect(wrong / trials).toBeLessThan(0.1 + 3 * Math.sqrt(0.09 / trials));
  });

  test('gets the same whatever order its requests come in, and another split with another seed', () => {
    const items = population(600, randomGenerator(5));
    expect(of(shuffled(items, randomGenerator(9)))).toEqual(of(items));
    expect(of(items, { seed: 2 }).split).not.toEqual(of(items).split);
  });
});

describe('further bounds', () => {
  test('must hold with the loss: a p95 that always escalating breaks leaves only thresholds that accept enough', () => {
    const items = population(3_000, randomGenerator(7));
    const slow = of(items, { constraints: [{ kind: 'latency_p95', max: 1_150 }] }, two);
    expect(slow.procedure).toBe('Pareto testing');
    expect(slow.certified).not.toBeNull();
    expect(of(items, { constraints: [{ kind: 'latency_p95', max: 500 }] }, two).certified).toBeNull();
  });

  test('on failures count every request without an answer', () => {
    const items = population(1_200, randomGenerator(8)).map((item, i): Item => {
      if (i % 10 !== 0) return item;
      const failed: Outcome = { signals: {}, failure: { kind: 'server-error', message: '' }, costNanoUsd: 0, latencyMs: 1 };
      return { ...item, outcomes: new Map([...item.outcomes].map(([target]) => [target, failed])) };
    });
    expect(of(items, { constraints: [{ kind: 'errors', max: 0.05 }] }, two).certified).toBeNull();
    expect(of(items, { constraints: [{ kind: 'errors', max: 0.15 }] }, two).certified).not.toBeNull();
  });
});

test('a certificate that saves nothing says so', () => {
  const dear = population(500, randomGenerator(2)).map((item): Item => {
    const small = item.outcomes.get('small')!;
    return { ...item, outcomes: new Map(item.outcomes).set('small', { ...small, costNanoUsd: 200 }) };
  });
  const certificate = of(dear, {}, two);
  expect(certificate.certified!.savesNothing).toBe(true);
  expect(certificateSentence(certificate)).toMatch(/^CERTIFIED, BUT IT SAVES NOTHING: .* Always use large\.$/);
});

describe('slices', () => {
  const items = population(3_000, randomGenerator(4), i => ({
    tags: { tenant: i % 3 === 0 ? 'acme' : i % 300 === 1 ? 'tiny' : 'other' },
  })).map(
    (item): Item =>
      item.tags!.tenant === 'acme'
        ? { ...item, outcomes: new Map(item.outcomes).set('small', { ...item.outcomes.get('small')!, quality: 0 }) }
        : item,
  );
  const certificate = of(items, { slices: ['tenant'], lossMax: 0.2 }, two);
  const slice = (value: string) => certificate.slices.find(s => s.value === value)!;

  test('are certified each of its own: where the small one fails is said', () => {
    expect(certificate.certified).not.toBeNull();
    expect(slice('other').certified).toBe(true);
    expect(slice('acme')).toMatchObject({ certified: false, needed: null });
  });
  test('that are too small say how many more they need', () => {
    expect(slice('tiny').certified).toBe(false);
    expect(slice('tiny').needed).toBeGreaterThan(0);
  });
});

describe('a split', () => {
  const items = population(500, randomGenerator(6), i => ({ cluster: `talk ${Math.floor(i / 5)}` }));
  test('keeps conversations whole, and each where it was when more arrive', () => {
    const split = splitOf(items, 1);
    for (const role of ['tune', 'certify', 'audit'] as const)
      expect(new Set(itemsInRole(items, split, role).map(item => item.cluster)).size * 5).toBe(itemsInRole(items, split, role).length);
    const more = splitOf([...items, ...population(5, randomGenerator(1))], 99, split);
    for (const [hash, role] of split.roles) expect(more.roles.get(hash)).toBe(role);
    expect(itemsInRole(items, split, 'tune').length / 500).toBeCloseTo(0.4, 0);
  });

  test('comes back from its file, which names no conversation', () => {
    const manifest = { split: splitOf(items, 1), uses: [{ family: 'f', data: 'd', delta: 0.05, at: '2026-11-24' }] };
    const text = printManifest(manifest);
    expect(text).not.toContain('talk');
    expect(text).toContain(hashOf('talk 0'));
    const read = parseManifest(text);
    expect(typeof read === 'string' ? read : printManifest(read)).toBe(text);
    expect(parseManifest('{"kind":"other"}')).toMatch(/is no split manifest: kind/);
  });

  test('gives one family all of the error, the same again for nothing, and another one only what spending left', () => {
    const look = { family: 'a', data: 'd', delta: 0.05, spending: false };
    const uses = [{ family: 'a', data: 'd', delta: 0.05, at: '' }];
    expect(spendDelta({ uses: [] }, look)).toBe(0.05);
    expect(spendDelta({ uses }, look)).toBe(0.05);
    expect(spendDelta({ uses }, { ...look, family: 'b' })).toMatch(/1 time already/);
    expect(spendDelta({ uses }, { ...look, family: 'b', spending: true })).toMatch(/was spent/);
    expect(spendDelta({ uses }, { ...look, family: 'b', data: 'new' })).toBe(0.05);
    const half = spendDelta({ uses: [] }, { ...look, spending: true });
    expect(half).toBe(0.025);
    expect(spendDelta({ uses: [{ ...uses[0]!, delta: 0.025 }] }, { ...look, family: 'b', spending: true })).toBeCloseTo(0.0125, 12);
  });
});

describe('a certificate ends', () => {
  const then = population(1_000, randomGenerator(1));
  const baseline = baselineOf(two, then, 'confidence', [0.8]);
  const kept = { targets: two.targets, signal: 'confidence' as const, thresholds: [0.8], baseline, models: { small: ['m-1'] } };
  const shifted = population(1_000, randomGenerator(2)).map((item): Item => {
    const small = item.outcomes.get('small')!;
    return { ...item, outcomes: new Map(item.outcomes).set('small', { ...small, signals: { scorer: small.signals.scorer! ** 2 } }) };
  });
  const answeredBy = (model: string) =>
    then.map((item): Item => ({ ...item, outcomes: new Map(item.outcomes).set('small', { ...item.outcomes.get('small')!, model }) }));

  test('when its signals drift, and not by chance alone', () => {
    expect(expiryOf(kept, population(1_000, randomGenerator(9))).verdict).toBe('fresh');
    expect(expiryOf(kept, shifted)).toMatchObject({ verdict: 'expired', reasons: [expect.stringContaining('PSI')] });
    expect(driftOf(baseline, then, 'confidence', [0.8]).psi).toBe(0);
  });
  test('when another model answers, or the route is another', () => {
    expect(expiryOf(kept, answeredBy('m-1')).verdict).toBe('fresh');
    expect(expiryOf(kept, answeredBy('m-2')).reasons).toEqual(['small is answered by m-2 now, and was by m-1']);
    expect(expiryOf(kept, then, { targets: two.targets, thresholds: [0.6] }).reasons).toEqual([
      'the route accepts at 0.6, and 0.8 was certified',
    ]);
  });
  test('and cannot be told to from a handful', () => expect(expiryOf(kept, shifted.slice(0, 50)).verdict).toBe('unknown'));
  test("the population stability index is Siddiqi's, by hand", () => {
    expect(stabilityIndex([0.5, 0.5], [0.25, 0.75], [1e9, 1e9])).toBeCloseTo(0.25 * Math.log(2) + 0.25 * Math.log(1.5), 9);
  });
});
