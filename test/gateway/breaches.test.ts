/** Breached certificates as every gateway that shares the state sees them: in a file, in a real Redis. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../gateway/observability/logs.ts';
import { type BreachStore, redisBreaches, sqliteBreaches } from '../../gateway/targets/breach-store.ts';
import { Breaches } from '../../gateway/targets/breaches.ts';
import { hasRedis, type RunningRedis, startRedis } from '../budgets/redis.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { settingsOf } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-breaches-'));
const file = join(folder, 'certificate.json');
let redis: RunningRedis | undefined;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const issue = (at: string): void => writeFileSync(file, JSON.stringify({ issued_at: at }));
const settings = (more: string) =>
  settingsOf(`providers: { s: { api: simulated } }
routes:
  r:
    steps:
      - { target: s/a, accept: { confidence: 0.7 } }
      - { target: s/b, accept: { any: [{ confidence: 0.5 }, { margin: 0.9 }] } }
      - { target: s/c }
    audit_probability: 0.1
    certificate: { file: ${file}, monitor: audit${more} }
  plain: s/c`);
const breach = { route: 'r', at: 1, evidence: 30, audited: 90, harm: 0.123, bound: 0.05 };

async function gatewayWith(store: BreachStore, clock: VirtualClock, more = ', on_breach: strict', lines: string[] = []) {
  const { certificates, routes } = settings(more);
  const breaches = new Breaches();
  breaches.persistTo({ store, clock, log: { ...silentLog, warn: line => lines.push(line) } });
  breaches.configure(certificates!);
  await breaches.ready();
  const accepted = () => breaches.routeInForce(routes.get('r')!).steps.map(({ accept }) => accept);
  return { breaches, accepted, routes };
}
const next = async (clock: VirtualClock, breaches: Breaches): Promise<void> => {
  clock.run();
  await breaches.ready();
};

const stores: readonly (readonly [string, () => Promise<BreachStore>])[] = [
  ['in a file', async () => sqliteBreaches(join(folder, 'state.sqlite'))],
  [`in a Redis${hasRedis ? '' : ' (skipped: no redis-server here)'}`, () => redisBreaches(redis!.url, () => {})],
];

describe.each(stores)('%s', (name, open) => {
  test.skipIf(name.includes('skipped'))('one gateway keeps a breach, another obeys it until a new certificate is issued', async () => {
    issue('2026-01-01T00:00:00.000Z');
    const clock = new VirtualClock();
    const lines: string[] = [];
    const { breaches, accepted, routes } = await gatewayWith(await open(), clock, undefined, lines);
    const before = accepted();
    expect(breaches.report()).toEqual([{ route: 'r', isBreached: false }]);

    const other = await open();
    expect(await other.add({ ...breach, issuedAt: '2026-01-01T00:00:00.000Z' })).toBe(true);
    expect(await other.add({ ...breach, issuedAt: '2026-01-01T00:00:00.000Z', at: 2 })).toBe(false);
    await other.close();
    await next(clock, breaches);
    const never = Number.MAX_VALUE;
    expect(accepted()).toEqual([
      { signal: 'confidence', atLeast: never },
      {
        any: [
          { signal: 'confidence', atLeast: never },
          { signal: 'margin', atLeast: never },
        ],
      },
      undefined,
    ]);
    expect(breaches.routeInForce(routes.get('r')!)).toBe(breaches.routeInForce(routes.get('r')!));
    expect(breaches.routeInForce(routes.get('plain')!)).toBe(routes.get('plain'));
    expect(breaches.report()).toEqual([{ route: 'r', isBreached: true }]);
    await next(clock, breaches);
    expect(lines, 'said once').toEqual(breaches.warnings());
    expect(lines).toEqual([expect.stringMatching(/^routes\.r\.certificate: breached: 90 audits show harm in 12\.3 % .* at most 5 %/)]);

    issue('2026-02-01T00:00:00.000Z');
    await next(clock, breaches);
    expect([accepted(), breaches.warnings()]).toEqual([before, []]);
    await breaches.close();
  });
});

test.each([
  ['warn leaves the thresholds as they are', '', [0.7, 0.5]],
  ['strict lifts those that lie below it', ', on_breach: strict, strict: 0.6', [0.7, 0.6]],
])('%s', async (_, more, expected) => {
  issue('2026-01-01T00:00:00.000Z');
  const store = sqliteBreaches(':memory:');
  await store.add({ ...breach, issuedAt: '2026-01-01T00:00:00.000Z' });
  const { breaches, accepted } = await gatewayWith(store, new VirtualClock(), more);
  const [first, second] = accepted();
  expect([first, second]).toMatchObject([{ atLeast: expected[0] }, { any: [{ atLeast: expected[1] }, { atLeast: 0.9 }] }]);
  expect(breaches.warnings()).toHaveLength(1);
  await breaches.close();
});

test('a store that does not answer changes nothing, and is asked again', async () => {
  issue('2026-01-01T00:00:00.000Z');
  const working = sqliteBreaches(':memory:');
  await working.add({ ...breach, issuedAt: '2026-01-01T00:00:00.000Z' });
  let isDown = false;
  const store: BreachStore = { ...working, all: () => (isDown ? Promise.reject(new Error('down')) : working.all()) };
  const clock = new VirtualClock();
  const lines: string[] = [];
  const { breaches } = await gatewayWith(store, clock, undefined, lines);
  isDown = true;
  await next(clock, breaches);
  expect(breaches.warnings()).toHaveLength(1);
  expect(lines.at(-1)).toContain('breaches of certificates cannot be read: down');
  isDown = false;
  await working.add({ ...breach, issuedAt: '2026-03-01T00:00:00.000Z' });
  issue('2026-03-01T00:00:00.000Z');
  await next(clock, breaches);
  expect(breaches.warnings()[0]).toContain('2026-03-01');
  await breaches.close();
});
