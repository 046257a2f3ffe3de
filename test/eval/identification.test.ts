/** What a live log cannot show is not certified: generated traffic with known truth. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CertifyOptions, certify } from '../../eval/certify/certify.ts';
import { populationOf } from '../../eval/identification/population.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { printOutcomes } from '../../eval/outcomes/snapshot.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { populationNotes } from '../../eval/report/population.ts';
import { randomGenerator } from '../../statistics/index.ts';
import { runInProcess } from '../in-process.ts';

const long = process.env.HINDCAST_LONG !== undefined;
const chain = chainOf('small,large', new Map()) as Chain;
const options: CertifyOptions = { signal: 'confidence', loss: 'harm', lossMax: 0.05, confidence: 0.95, seed: 1 };

interface LogOptions {
  readonly requests: number;
  readonly seed: number;
  /** The deployed threshold. */
  readonly deployed: number;
  /** With which an accepted answer is audited; 0 for never. */
  readonly audited?: number;
  /** Chance that an accepted answer is wrong where the large model is right. */
  readonly wrong: (confidence: number) => number;
}

/** A live cascade: the large model's answer is known only where the small one's was declined, or audited. */
function liveLog({ requests, seed, deployed, audited = 0, wrong }: LogOptions): Item[] {
  const draw = randomGenerator(seed);
  return Array.from({ length: requests }, (_, i): Item => {
    const confidence = Math.round(draw() * 100) / 100;
    const isWrong = draw() < wrong(confidence);
    const isDeclined = confidence < deployed;
    const isAudited = draw() < audited;
    const small = { quality: isWrong ? 0 : 1, signals: { scorer: confidence }, costNanoUsd: 10 };
    const large = { quality: 1, signals: {}, costNanoUsd: 100 };
    return {
      ...{ id: `i${String(i).padStart(6, '0')}`, cluster: `c${i}` },
      outcomes: new Map([['small', small], ...(isDeclined || isAudited ? [['large', large] as const] : [])]),
      ...(audited > 0 ? { chance: isDeclined ? 1 : audited } : {}),
      ...(audited > 0 && !isDeclined && isAudited ? { weight: 1 / audited } : {}),
    };
  });
}

const certified = (items: readonly Item[], more: Partial<CertifyOptions> = {}) =>
  certify(chain, completeItems(items, chain.targets), { ...options, ...more });

/** The share of all requests that a threshold harms. */
const trueHarm = (threshold: number, wrong: (confidence: number) => number): number => {
  const grid = Array.from({ length: 101 }, (_, k) => k / 100).filter(confidence => confidence >= threshold);
  return grid.reduce((sum, confidence) => sum + wrong(confidence), 0) / 101;
};

describe('a live log of a cascade', () => {
  // The small model is mostly wrong just where it is sure: what was escalated says nothing of what was accepted.
  const adverse = (confidence: number): number => (confidence < 0.7 ? 0.02 : 0.35);

  test('certifies nothing below the deployed threshold, for nobody knows what its accepted answers would have been', () => {
    const certificate = certified(liveLog({ requests: 3_000, seed: 5, deployed: 0.7, wrong: adverse }));
    expect(trueHarm(0.467, adverse)).toBeGreaterThan(0.09);
    // What is certified holds even if every unknown answer of the large model were right.
    expect(certificate.certified?.threshold ?? 1).toBeGreaterThan(0.8);
    expect(trueHarm(certificate.certified?.threshold ?? 1, adverse)).toBeLessThan(0.05);
  });

  test('says first what is known, and what would make it more', () => {
    const items = liveLog({ requests: 3_000, seed: 5, deployed: 0.7, wrong: adverse });
    const notes = populationNotes(populationOf(items, chain.targets), chain);
    expect(notes[0]).toMatch(/^3,000 requests of small,large; every outcome is known for 2,\d{3}\.$/);
    expect(notes.join('\n')).toMatch(/large is known for .*unknown/);
    expect(notes.join('\n')).toMatch(/audit_probability.*--only-missing \(\d+ calls, about \$0\.00\)/);
  });

  test('is certified where the worst that its unknown outcomes can be still satisfies', () => {
    // Every accepted answer is labelled right: whatever the large model would have said, nothing is lost.
    const items = liveLog({ requests: 6_000, seed: 6, deployed: 0.7, wrong: () => 0 });
    expect(certified(items).certified?.threshold).toBe(0);
  });

  test('with audits is certified by all requests, drawn or not', () => {
    const gentle = (confidence: number): number => (1 - confidence) / 40;
    const certificate = certified(liveLog({ requests: 12_000, seed: 7, deployed: 0.7, audited: 0.05, wrong: gentle }));
    expect(certificate.method).toBe('exact binomial on thinned requests');
    expect(certificate.population).toMatchObject({ requests: 12_000, chanceMin: 0.05 });
    expect(certificate.certified).not.toBeNull();
    expect(trueHarm(certificate.certified!.threshold, gentle)).toBeLessThan(0.05);
  });

  test('with audits is certified wrongly no more often than it says', { timeout: 300_000 }, () => {
    // On the bound at every threshold up to the deployed one: each certificate at or below it is false.
    const wrong = (confidence: number): number => (confidence >= 0.7 ? 0.05 / 0.31 : 0);
    const runs = long ? 500 : 60;
    let falsely = 0;
    for (let seed = 1; seed <= runs; seed++) {
      const { certified: found } = certified(liveLog({ requests: 4_000, seed: 1_000 + seed, deployed: 0.7, audited: 0.1, wrong }));
      if (found && trueHarm(found.threshold, wrong) > 0.0495) falsely++;
    }
    expect(falsely / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
  });
});

describe('the commands over a live log in a file', () => {
  const config = (threshold: number): string =>
    `providers: { sim: { api: simulated } }\nroutes:\n  smart:\n    steps: [{ target: sim/small, accept: { confidence: ${threshold} } }, { target: sim/large }]\n`;
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-identification-'));
  const file = (name: string): string => join(folder, name);
  const targets: Readonly<Record<string, string>> = { small: 'sim/small', large: 'sim/large' };
  const items = liveLog({ requests: 2_000, seed: 11, deployed: 0.7, wrong: () => 0.2 }).map(item => ({
    ...item,
    outcomes: new Map([...item.outcomes].map(([target, outcome]) => [targets[target]!, { ...outcome, latencyMs: 10 }])),
  }));
  writeFileSync(file('deployed.yaml'), config(0.7));
  writeFileSync(file('stricter.yaml'), config(0.9));
  writeFileSync(file('live.jsonl'), printOutcomes(items, Object.values(targets)));
  writeFileSync(
    file('gate.yaml'),
    'version: 1\nbaseline: { target: sim/large }\ncandidate: { chain: smart }\ndata: { outcomes: live.jsonl }\ngates:\n  - { name: cheaper, metric: cost_per_1k, assert: "delta < -1%" }\n',
  );
  afterAll(() => rmSync(folder, { recursive: true }));
  const flags = ['--outcomes', file('live.jsonl'), '--config', file('deployed.yaml')];

  test.each([
    ['sweep', ['sweep', '--chain', 'smart', ...flags]],
    ['simulate', ['simulate', '--candidate', file('stricter.yaml'), ...flags]],
    ['gate', ['gate', file('gate.yaml'), '--config', file('deployed.yaml')]],
  ])('%s cannot tell, says why, and what would make it known', async (_, args) => {
    const { code, stdout } = await runInProcess('eval', ...args);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/INCONCLUSIVE[\s\S]*sim\/large --only-missing/)]);
  });

  test('certify says the population first, and writes nothing that is not sure', async () => {
    const { code, stdout } = await runInProcess('eval', 'certify', '--chain', 'smart', '--max-loss', '1pp', '--write', ...flags);
    expect(stdout.split('\n')[0]).toMatch(/^2,000 requests of smart; every outcome is known for 1,\d{3}\.$/);
    expect(code).toBe(3);
    expect(readFileSync(file('deployed.yaml'), 'utf8')).toBe(config(0.7));
  });
});

describe('missing labels', () => {
  test('count as the worst: where only right answers are labelled nothing is certified', () => {
    const draw = randomGenerator(9);
    const items = Array.from({ length: 800 }, (_, i): Item => {
      const isRight = draw() < 0.9;
      return {
        ...{ id: `i${i}`, cluster: `c${i}` },
        outcomes: new Map([
          ['small', { signals: { scorer: 0.9 }, ...(isRight ? { quality: 1 } : {}) }],
          ['large', { quality: 1, signals: {} }],
        ]),
      };
    });
    expect(certified(items).certified).toBeNull();
    const notes = populationNotes(populationOf(items, chain.targets), chain).join('\n');
    expect(notes).toMatch(/answered without a quality/);
  });
});

describe('conversations of unequal length', () => {
  /** 3 of 100 are long, and the harm lies in them; by requests it is exactly on the bound. */
  function conversations(count: number, seed: number): Item[] {
    const draw = randomGenerator(seed);
    const items: Item[] = [];
    for (let g = 0; g < count; g++) {
      const isLong = draw() < 0.03;
      const size = isLong ? 20 : 1 + Math.floor(draw() * 3);
      const harmed = isLong ? (0.05 * (0.97 * 2 + 0.03 * 20)) / (0.03 * 20) : 0;
      for (let i = 0; i < size; i++) {
        const quality = draw() < harmed ? 0 : 1;
        const outcomes = new Map([
          ['small', { quality, signals: { scorer: 0.9 } }],
          ['large', { quality: 1, signals: {} }],
        ]);
        items.push({ id: `g${String(g).padStart(5, '0')}-${String(i).padStart(2, '0')}`, cluster: `g${g}`, outcomes });
      }
    }
    return items;
  }

  test('are certified wrongly no more often than said, though most conversations are harmless', { timeout: 300_000 }, () => {
    const runs = long ? 500 : 60;
    let falsely = 0;
    for (let seed = 1; seed <= runs; seed++) if (certified(conversations(600, seed), { thresholds: [0.5] }).certified) falsely++;
    expect(falsely / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
  });

  test('need their cap from elsewhere: it is found on the tuning requests, or given', () => {
    const items = conversations(600, 3);
    expect(certified(items)).toMatchObject({
      procedure: 'Pareto testing',
      conversationCap: expect.toSatisfy((cap: number) => cap >= 18 && cap <= 20),
    });
    expect(certified(items, { conversationMax: 5 })).toMatchObject({ procedure: 'fixed sequence', conversationCap: 5 });
  });
});
