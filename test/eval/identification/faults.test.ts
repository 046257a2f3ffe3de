/** Logs with known truth: no command claims more than they show, and all commands agree. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Item } from '../../../eval/outcomes/outcomes.ts';
import { printOutcomes } from '../../../eval/outcomes/snapshot.ts';
import { Workspace } from '../../hindcast.ts';
import { runInProcess } from '../../in-process.ts';
import { liveCascade, trueCost, trueHarm, unequalConversations } from './cascade.ts';

const configOf = (threshold: number): string => `
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: ${threshold} } }, { target: sim/large }] }
`;
const cwd = process.cwd();
let place: Workspace;
beforeAll(() => {
  place = new Workspace(configOf(0.7));
  process.chdir(place.folder);
});
afterAll(async () => {
  process.chdir(cwd);
  await place[Symbol.asyncDispose]();
});

/** A file of outcomes, its targets called as in the configuration. */
function write(file: string, items: readonly Item[]): void {
  const renamed = items.map(item => ({
    ...item,
    outcomes: new Map([...item.outcomes].map(([target, outcome]) => [`sim/${target}`, outcome])),
  }));
  writeFileSync(file, printOutcomes(renamed, ['sim/small', 'sim/large']));
}

describe('the log of a live cascade, whose strong answers are known where the weak one was declined', () => {
  test('certifies nothing and writes nothing', async () => {
    const { log, truth } = liveCascade({ requests: 3000, seed: 1, right: c => 0.55 + 0.3 * c });
    expect(trueHarm(truth, 0.467)).toBeGreaterThan(0.09);
    write('live.jsonl', log);
    const before = readFileSync('hindcast.yaml', 'utf8');
    const ran = await runInProcess(
      ...[
        'eval',
        'certify',
        '--chain',
        'smart',
        '--outcomes',
        'live.jsonl',
        '--max-loss',
        '5pp',
        '--threshold',
        '0.467',
        '--write',
        '--json',
      ],
    );
    expect([ran.code, readFileSync('hindcast.yaml', 'utf8')]).toEqual([3, before]);
    const reported = JSON.parse(ran.stdout);
    expect(reported).toMatchObject({ verdict: 'inconclusive', assumptions: [] });
    expect(reported.notes.join('\n')).toMatch(/hindcast replay run .*--only-missing \(2?,?\d+ calls, about \$\d/);
  });

  test('is not saved by the assumption that outcomes are missing at random, because no accepted request has one', async () => {
    write('live.jsonl', liveCascade({ requests: 3000, seed: 1 }).log);
    const ran = await runInProcess(
      ...[
        'eval',
        'certify',
        '--chain',
        'smart',
        '--outcomes',
        'live.jsonl',
        '--max-loss',
        '5pp',
        '--threshold',
        '0.467',
        '--assume',
        'missing-at-random',
        '--json',
      ],
    );
    expect(ran.code).toBe(3);
  });

  test('is certified with audits of known chance, for what is true', async () => {
    const { log, truth } = liveCascade({ requests: 12_000, seed: 3, audit: 0.05, right: c => (c >= 0.7 ? 0.99 : 0.5) });
    write('audited.jsonl', log);
    const ran = await runInProcess(
      ...['eval', 'certify', '--chain', 'smart', '--outcomes', 'audited.jsonl', '--max-loss', '5pp', '--json'],
    );
    const reported = JSON.parse(ran.stdout);
    expect([ran.code, reported.verdict, reported.method]).toEqual([0, 'certified', 'exact binomial on thinned requests']);
    expect(trueHarm(truth, reported.threshold)).toBeLessThan(0.05);
    const text = await runInProcess(...['eval', 'certify', '--chain', 'smart', '--outcomes', 'audited.jsonl', '--max-loss', '5pp']);
    expect(text.stdout).toMatch(/^12,000 requests/);
    expect(text.stdout).toMatch(/sim\/large is known for .*: [\d,]+ because it was called, [\d,]+ drawn with a chance of 0\.050/);
    expect(text.stdout).toContain('gives at most 5 of 100 requests a worse answer');
  });
});

test('a stricter threshold is simulated with the truth inside its interval, both policies on the same requests', async () => {
  const { log, truth } = liveCascade({ requests: 4000, seed: 5, audit: 0.03 });
  write('audited.jsonl', log);
  writeFileSync('strict.yaml', configOf(0.9));
  const ran = await runInProcess(...['eval', 'simulate', '--candidate', 'strict.yaml', '--outcomes', 'audited.jsonl', '--json']);
  const { comparison, deployed, simulated } = JSON.parse(ran.stdout);
  const change = trueCost(truth, 0.9) / trueCost(truth, 0.7) - 1;
  expect(change).toBeGreaterThan(0.2);
  expect(comparison.cost.low).toBeLessThan(change);
  expect(comparison.cost.high).toBeGreaterThan(change);
  expect(comparison.cost.value).toBeGreaterThan(change / 2);
  const gain = trueHarm(truth, 0.7) - trueHarm(truth, 0.9);
  expect(comparison.quality.low).toBeLessThan(gain);
  expect(comparison.quality.high).toBeGreaterThan(gain);
  expect(deployed.items).toBe(simulated.items);
});

test('gate, compare and simulate give one number for one question', async () => {
  write('audited.jsonl', liveCascade({ requests: 4000, seed: 7, audit: 0.1 }).log);
  writeFileSync('strict.yaml', configOf(0.9));
  writeFileSync(
    'gate.yaml',
    `version: 1
baseline: { chain: smart }
candidate: { config: strict.yaml, route: smart }
data: { outcomes: audited.jsonl }
gates:
  - { metric: quality, assert: "delta > -1pp" }
  - { metric: cost_per_1k, assert: "delta < +300%" }
`,
  );
  const simulated = JSON.parse(
    (await runInProcess('eval', 'simulate', '--candidate', 'strict.yaml', '--outcomes', 'audited.jsonl', '--json')).stdout,
  ).comparison;
  const ran = await runInProcess('eval', 'gate', 'gate.yaml', '--json');
  const [quality, cost] = JSON.parse(ran.stdout).gates;
  expect(quality.estimate).toEqual(simulated.quality);
  expect(cost.estimate).toEqual(simulated.cost);
});

test('conversations that are long and hard count by their requests: no bound of 2 in 100 where 6 in 100 are harmed', async () => {
  const items = unequalConversations(600, 11, { easy: 0.001, hard: 0.25 });
  const harm = items.filter(({ outcomes }) => outcomes.get('small')!.quality === 0).length / items.length;
  expect(harm).toBeGreaterThan(0.04);
  write('conversations.jsonl', items);
  const ran = await runInProcess(
    ...[
      'eval',
      'certify',
      '--chain',
      'sim/small,sim/large',
      '--outcomes',
      'conversations.jsonl',
      '--max-loss',
      '2pp',
      '--threshold',
      '0.5',
      '--json',
    ],
  );
  expect([ran.code, JSON.parse(ran.stdout).verdict]).toEqual([3, 'inconclusive']);
});
