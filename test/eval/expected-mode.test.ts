/** `certify --mode expected`: the bound holds on average over data sets, and nobody takes it for a certificate. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type CertifyOptions, certify } from '../../eval/certify/certify.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { printOutcomes } from '../../eval/outcomes/snapshot.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { runInProcess } from '../in-process.ts';
import { liveCascade, trueHarm } from './identification/cascade.ts';

const chain = chainOf('small,large', new Map()) as Chain;
const options: CertifyOptions = { signal: 'confidence', loss: 'harm', lossMax: 0.05, confidence: 0.95, seed: 0, mode: 'expected' };
const certified = (items: readonly Item[], more: Partial<CertifyOptions> = {}) =>
  certify(chain, completeItems(items, chain.targets), { ...options, ...more });

test('is the last threshold with (n · harm + 1 - bound) / (n + 1) at or below it, below what is certified', () => {
  const { truth } = liveCascade({ requests: 400, seed: 3 });
  const expected = certified(truth);
  expect(expected).toMatchObject({ mode: 'expected', method: 'conformal risk control' });
  const harms = (threshold: number): number => Math.round(trueHarm(truth, threshold) * truth.length);
  const { threshold } = expected.certified!;
  expect((harms(threshold) + 1) / (truth.length + 1)).toBeLessThanOrEqual(0.05);
  const next = expected.tested.at(-1)!.threshold;
  expect(next).toBeLessThan(threshold);
  expect((harms(next) + 1) / (truth.length + 1)).toBeGreaterThan(0.05);
  expect(certified(truth, { mode: undefined }).certified!.threshold).toBeGreaterThan(threshold);
});

test('keeps the harm at its bound on average, where certificates keep it with confidence', () => {
  const runs = process.env.HINDCAST_LONG ? 400 : 60;
  const { truth: future } = liveCascade({ requests: 20_000, seed: 1 });
  const harms = Array.from({ length: runs }, (_, i) =>
    trueHarm(future, certified(liveCascade({ requests: 400, seed: i + 10 }).truth).certified?.threshold ?? 1),
  );
  const mean = harms.reduce((total, harm) => total + harm, 0) / runs;
  const error = Math.sqrt(harms.reduce((total, harm) => total + (harm - mean) ** 2, 0) / runs ** 2);
  expect(mean).toBeLessThanOrEqual(0.05 + 3 * error + 0.002);
  // Many a single data set lies above it.
  expect(harms.filter(harm => harm > 0.05).length / runs).toBeGreaterThan(0.15);
});

const folder = mkdtempSync(join(tmpdir(), 'hindcast-expected-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('says what it is not, keeps no certificate, and refuses what it cannot bound', async () => {
  const [complete, audited] = [join(folder, 'complete.jsonl'), join(folder, 'audited.jsonl')];
  writeFileSync(complete, printOutcomes(liveCascade({ requests: 400, seed: 3 }).truth, chain.targets));
  writeFileSync(audited, printOutcomes(liveCascade({ requests: 400, seed: 3, audit: 0.2 }).log, chain.targets));
  const run = (file: string, ...more: readonly string[]) =>
    runInProcess('eval', 'certify', '--chain', 'small,large', '--outcomes', file, '--max-loss', '5pp', '--mode', 'expected', ...more);
  const text = await run(complete);
  expect([text.code, text.stdout]).toEqual([
    0,
    expect.stringMatching(/EXPECTED, NOT CERTIFIED: threshold 0\.\d+ gives on average at most 5 of 100 requests/),
  ]);
  expect(text.stdout).not.toContain('with probability of at least');
  expect(JSON.parse((await run(complete, '--json')).stdout)).toMatchObject({
    verdict: 'expected',
    mode: 'expected',
    method: 'conformal risk control',
  });
  for (const [file, flags, why] of [
    [audited, [], 'needs every outcome known'],
    [complete, ['-o', join(folder, 'certificate.json')], 'gives no certificate that could be kept'],
    [complete, ['--loss', 'net'], 'bounds harm alone'],
  ] as const) {
    const refused = await run(file, ...flags);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`--mode expected ${why}`)]);
  }
});
