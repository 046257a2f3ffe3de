/** Rollouts survive a restart and are shared by all gateways of a store: a file, a real Redis. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { type RolloutStore, redisRollouts, sqliteRollouts } from '../../gateway/targets/rollout-store.ts';
import { Rollouts } from '../../gateway/targets/rollouts.ts';
import { hasRedis, type RunningRedis, startRedis } from '../budgets/redis.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { hi, post, respondJson, settingsOf, startGateway, startUpstream } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-rollouts-'));
let redis: RunningRedis | undefined;
let count = 0;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const routesOf = (target = 's/new', requests = 10) =>
  settingsOf(`providers: { s: { api: simulated } }
routes: { next: ${target}, r: { steps: [{ target: s/old }], variants: [{ route: next, rollout: { stages: [0.1, 1], every: 1s, requests: ${requests}, max_error_rate: 0.2 } }] } }`)
    .routes;
const exchange = (at: number, outcome: Exchange['outcome']): Exchange =>
  ({
    policy: { name: 'r', variant: { name: 'next', why: '' } },
    outcome,
    receivedAt: at,
    endedAt: at,
    costNanoUsd: 1,
  }) as unknown as Exchange;
const shareOf = (rollouts: Rollouts): number => rollouts.shareOf('r', { route: 'next', share: 0 });

async function one(store: RolloutStore, clock: VirtualClock, routes = routesOf()): Promise<Rollouts> {
  const rollouts = new Rollouts();
  rollouts.persistTo({ store, clock, onFailed: problem => expect.unreachable(problem) });
  rollouts.configure(routes, clock.now());
  expect(shareOf(rollouts), 'nobody is sent there before it is known').toBe(0);
  await rollouts.ready();
  return rollouts;
}
const synced = async (clock: VirtualClock, ...all: readonly Rollouts[]): Promise<void> => {
  clock.run();
  for (const rollouts of all) await rollouts.ready();
};

const stores: readonly (readonly [string, () => () => Promise<RolloutStore>])[] = [
  [
    'in a file',
    () => {
      const file = join(folder, `${count++}.sqlite`);
      return async () => sqliteRollouts(file);
    },
  ],
  [`in a Redis${hasRedis ? '' : ' (skipped: no redis-server here)'}`, () => () => redisRollouts(redis!.url, () => {})],
];

describe.each(stores)('rollouts stored %s', (name, place) => {
  const only = test.skipIf(name.includes('skipped'));

  only('are shared: samples of all gateways count together, and are known to the others and after a restart', async () => {
    const open = place();
    const clock = new VirtualClock(1_000_000);
    const routes = routesOf(`s/${name.slice(0, 6).replaceAll(' ', '')}`);
    const [a, b] = [await one(await open(), clock, routes), await one(await open(), clock, routes)];
    expect([shareOf(a), shareOf(b)]).toEqual([0.1, 0.1]);
    for (let i = 0; i < 6; i++) for (const each of [a, b]) expect(each.observe(exchange(1_002_000 + i, 'ok'))).toEqual([]);
    await synced(clock, a);
    await synced(clock, b);
    // The second gateway sees that the sample suffices.
    expect(Math.max(shareOf(a), shareOf(b)), 'ten together').toBe(1);
    for (const each of [a, b]) each.observe(exchange(1_003_000, 'ok'));
    await synced(clock, a, b);
    expect([shareOf(a), shareOf(b)]).toEqual([1, 1]);
    // Three of ten must not fail; each gateway has seen two failures.
    for (const each of [a, b]) for (let i = 0; i < 2; i++) expect(each.observe(exchange(1_004_000 + i, 'upstream_error'))).toEqual([]);
    await synced(clock, a);
    await synced(clock, b);
    expect(Math.min(shareOf(a), shareOf(b))).toBe(0);
    const rollbacks = [...a.observe(exchange(1_005_000, 'ok')), ...b.observe(exchange(1_005_000, 'ok'))];
    expect(rollbacks, 'it is rollbacks once').toHaveLength(1);
    await synced(clock, a, b);
    expect([shareOf(a), shareOf(b)]).toEqual([0, 0]);
    await Promise.all([a.close(), b.close()]);
    const restarted = await one(await open(), clock, routes);
    expect([shareOf(restarted), restarted.report()[0]?.rolled_back]).toEqual([0, expect.stringContaining('requests failed')]);
    expect(restarted.observe(exchange(1_006_000, 'ok')), 'it was rollbacks before').toEqual([]);
    restarted.configure(routesOf('s/mended'), clock.now());
    await restarted.ready();
    expect(shareOf(restarted), 'another configuration begins anew').toBe(0.1);
    await restarted.close();
  });
});

test('while the store does not respond no request takes a variant, the problem is logged, and the store is tried again', async () => {
  const clock = new VirtualClock(1_000_000);
  const problems: string[] = [];
  let isUp = false;
  const store = sqliteRollouts(':memory:');
  const rollouts = new Rollouts();
  const flaky: RolloutStore = {
    ...store,
    update: async (name, fold) => (isUp ? store.update(name, fold) : Promise.reject(new Error('gone'))),
  };
  rollouts.persistTo({ store: flaky, clock, onFailed: problem => problems.push(problem) });
  rollouts.configure(routesOf(), clock.now());
  await rollouts.ready();
  expect([shareOf(rollouts), problems]).toEqual([0, ['gone']]);
  expect(rollouts.report()[0]?.rolled_back).toContain('unknown: the state store does not respond');
  isUp = true;
  clock.step();
  await rollouts.ready();
  expect(shareOf(rollouts)).toBe(0.1);
  await rollouts.close();
});

test('a rolled-back variant stays so after a restart', async () => {
  await using good = await startUpstream(respondJson);
  await using bad = await startUpstream(response => response.writeHead(500).end('{}'));
  const account = (name: string, url: string): string =>
    `  ${name}: { api: openai, key: sk-0123456789, base_url: "${url}", allow_private: true }\n`;
  const yaml = `providers:\n${account('a', good.url)}${account('b', bad.url)}
routes: { next: { steps: [{ target: b/m, retries: 0 }] }, r: { steps: [{ target: a/m }], variants: [{ route: next, rollout: { stages: [0.5, 1], requests: 4, max_error_rate: 0 } }] } }`;
  const file = join(folder, 'gateway.sqlite');
  const askMany = async (url: string): Promise<number> => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => post(url, { ...hi, model: 'r' }, { 'x-hindcast-conversation': `c${i}` })),
    );
    return answers.filter(({ status }) => status !== 200).length;
  };
  {
    await using gateway = await startGateway(yaml, { rolloutStore: sqliteRollouts(file) });
    expect(await askMany(gateway.url)).toBeGreaterThan(0);
  }
  await using gateway = await startGateway(yaml, { rolloutStore: sqliteRollouts(file) });
  expect(await askMany(gateway.url)).toBe(0);
});
