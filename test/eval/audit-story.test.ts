/** Audits of a live chain, through a real gateway and store: random audits are recorded with their probability, and eval weights them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { Workspace } from '../hindcast.ts';
import { runInProcess } from '../in-process.ts';

const config = `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
prices: { "sim/small": { input: 1, output: 1 }, "sim/large": { input: 10, output: 10 } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: 0.5 } }, { target: sim/large }], audit_probability: 0.5 }
  bare: { steps: [{ target: sim/small, accept: { confidence: 0.5 } }, { target: sim/large }] }
`;
const requestCount = 60;
const cwd = process.cwd();
let place: Workspace;

beforeAll(async () => {
  place = new Workspace(config);
  const gateway = await place.serve();
  process.chdir(place.folder);
  place.write('hindcast.yaml', config.replace('store: { port: 0 }', `store: { port: ${new URL(gateway.storeUrl).port} }`));
  const ask = async (model: string, i: number): Promise<void> => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: `question ${i}` }] }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  };
  for (let i = 0; i < requestCount; i += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => ask('smart', i + k)));
  await Promise.all(Array.from({ length: 10 }, (_, k) => ask('bare', k)));
}, 60_000);
afterAll(async () => {
  process.chdir(cwd);
  await place[Symbol.asyncDispose]();
});

interface Line {
  readonly id: string;
  readonly weight?: number;
  readonly tags: { readonly route: string };
  readonly targets: Readonly<Record<string, object>>;
}

const snapshot = async (): Promise<readonly Line[]> => {
  await runInProcess('eval', 'snapshot', '--chain', 'smart', '--run', 'audit', '--weigh', '-o', 'audited.jsonl');
  try {
    return place
      .read('audited.jsonl')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Line);
  } catch {
    return [];
  }
};

test('an audited request stands for two, an escalated one for itself, and a route without audits for nothing', {
  timeout: 60_000,
}, async () => {
  await expect.poll(async () => (await snapshot()).length, { timeout: 30_000 }).toBe(requestCount);
  await expect
    .poll(async () => (await snapshot()).filter(({ weight }) => weight !== undefined).length, { timeout: 30_000 })
    .toBeGreaterThan(5);
  const lines = await snapshot();
  expect(new Set(lines.map(({ tags }) => tags.route))).toEqual(new Set(['smart']));
  const audited = lines.filter(({ weight }) => weight !== undefined);
  expect(new Set(audited.map(({ weight }) => weight))).toEqual(new Set([2]));
  for (const { targets } of audited) expect(Object.keys(targets)).toEqual(['sim/small', 'sim/large']);
  const reported = await runInProcess('eval', 'certify', '--chain', 'smart', '--run', 'audit', '--weigh', '--max-loss', '30pp', '--json');
  expect(reported.stderr).toBe('');
  expect(JSON.parse(reported.stdout)).toMatchObject({
    method: expect.stringMatching(/^exact binomial on thinned requests$|^exact binomial$/),
    notes: expect.arrayContaining([
      expect.stringMatching(/^No request names a conversation: each counts as independent/),
      expect.stringMatching(new RegExp(`sim/large is known for .*, ${audited.length} drawn with a chance of 0.50`)),
    ]),
  });
  const swept = await runInProcess('eval', 'sweep', '--chain', 'smart', '--run', 'audit', '--weigh', '--json');
  expect([swept.code, swept.stderr]).toEqual([0, '']);
});

test('what cannot weigh refuses weights, and a replay has none', { timeout: 60_000 }, async () => {
  await snapshot();
  const power = await runInProcess('eval', 'power', '--chain', 'smart', '--outcomes', 'audited.jsonl', '--max-loss', '5pp');
  expect([power.code, power.stderr]).toEqual([0, '']);
  const calibrate = await runInProcess('eval', 'calibrate', '--chain', 'smart', '--outcomes', 'audited.jsonl');
  expect([calibrate.code, calibrate.stderr]).toEqual([2, expect.stringContaining('calibrate, train and explain')]);
  const mixed = await runInProcess('eval', 'sweep', '--chain', 'smart', '--run', 'audit', '--run', 'latest', '--weigh');
  expect([mixed.code, mixed.stderr]).toEqual([2, expect.stringContaining('--run audit or --run shadow alone')]);
});

test('without --weigh it is a sample of equal chances, by the least chance that was recorded', { timeout: 60_000 }, async () => {
  const all = await snapshot();
  const reported = await runInProcess('eval', 'certify', '--chain', 'smart', '--run', 'audit', '--max-loss', '30pp', '--json');
  const { items, method } = JSON.parse(reported.stdout) as { readonly items: number; readonly method: string };
  expect(method).toBe('exact binomial');
  expect(items).toBe(all.filter(({ id, targets }) => seededUniform(id, 'audit') < 0.5 && Object.keys(targets).length === 2).length);
});
