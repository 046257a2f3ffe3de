/** The ledger in a real Redis that is slow, silent, killed or restarted, and gateways that die: nothing is lost, and nothing stays locked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BudgetLedger, LedgerUnavailable } from '../../gateway/budgets/ledger.ts';
import { type RedisLedgerOptions, redisLedger } from '../../gateway/budgets/redis-ledger.ts';
import type { BudgetScope } from '../../gateway/core/money/budget.ts';
import { runs } from '../runs.ts';
import { hasRedis, type RunningRedis, startRedis } from './redis.ts';

const skipped = hasRedis ? '' : ' (skipped: no redis-server here)';
let redis: RunningRedis;
const opened: BudgetLedger[] = [];
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  for (const ledger of opened) await ledger.close().catch(() => {});
  await redis?.[Symbol.asyncDispose]();
});

let count = 0;
const tenant = (nanoUsd: number): BudgetScope => ({ name: `tenant f${count++}`, budget: { nanoUsd, per: 'total' } });
const estimateOf = (nanoUsd: number) => ({ nanoUsd, tokens: 0, isGuess: false });
const open = async (options: RedisLedgerOptions = {}, url = redis.url): Promise<BudgetLedger> => {
  const ledger = await redisLedger(url, () => {}, options);
  opened.push(ledger);
  return ledger;
};

describe.skipIf(!hasRedis)(`the ledger in Redis${skipped}`, () => {
  test('waits for an answer that comes late', async () => {
    const ledger = await open();
    const scope = tenant(1_000);
    await redis.pause(300);
    expect((await ledger.reserve(`${scope.name} a`, [scope], estimateOf(100), 0)).type).toBe('taken');
    expect(await ledger.spending(scope, 0)).toEqual({ spent: 0, reserved: 100 });
  });

  test('undoes a reservation whose answer comes after the request was refused', async () => {
    const ledger = await open({ patienceMs: 50 });
    const scope = tenant(1_000);
    await redis.pause(300);
    await expect(ledger.reserve(`${scope.name} a`, [scope], estimateOf(100), 0)).rejects.toThrow(LedgerUnavailable);
    const other = await open();
    await expect.poll(() => other.spending(scope, 0)).toEqual({ spent: 0, reserved: 0 });
  });

  test('says since when nothing has answered, and refuses at once after its patience', async () => {
    await using own = await startRedis();
    const ledger = await open({ patienceMs: 100 }, own.url);
    const scope = tenant(1_000);
    expect(ledger.unreachableSince?.()).toBeUndefined();
    await own.kill();
    await expect.poll(() => ledger.unreachableSince?.()).toBeDefined();
    await expect(ledger.reserve('a', [scope], estimateOf(1), 0)).rejects.toThrow(/within 0.1 seconds|not answered for a while/);
    await own.start();
    await expect.poll(() => ledger.unreachableSince?.()).toBeUndefined();
    expect((await ledger.reserve('b', [scope], estimateOf(1), 0)).type).toBe('taken');
  });

  test('carries reservations, spending and waiting requests over a restart of a server that keeps nothing', async () => {
    await using own = await startRedis();
    const ledger = await open({}, own.url);
    const scope = tenant(1_000);
    const reservation = (id: string) => ({ id, scopes: [scope], at: 0 });
    for (const id of ['a', 'b', 'c']) await ledger.reserve(id, [scope], estimateOf(100), 0);
    await ledger.settle(reservation('a'), { nanoUsd: 70, tokens: 0 });
    await own.kill();
    const waiting = ledger.reserve('d', [scope], estimateOf(100), 0);
    const settled = ledger.settle(reservation('b'), { nanoUsd: 80, tokens: 0 });
    await own.start();
    expect((await waiting).type).toBe('taken');
    await settled;
    expect(await ledger.spending(scope, 0), 'a and b spent, c and d reserved').toEqual({ spent: 150, reserved: 200 });
    await ledger.settle(reservation('b'), { nanoUsd: 80, tokens: 0 });
    expect(await ledger.spending(scope, 0), 'settled once').toEqual({ spent: 150, reserved: 200 });
  });

  test('counts what a killed gateway had reserved as spent once its lease ends, and corrects it when the gateway was only slow', async () => {
    const scope = tenant(1_000);
    const program = `const { redisLedger } = await import(${JSON.stringify(join(import.meta.dirname, '../../gateway/budgets/redis-ledger.ts'))});
const ledger = await redisLedger(${JSON.stringify(redis.url)}, () => {}, { leaseMs: 200 });
await ledger.reserve('${scope.name} dead', [${JSON.stringify(scope)}], { nanoUsd: 300, tokens: 0, isGuess: false }, 0);
process.stdout.write('reserved');
setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const ledger = await open({ sweepMs: 20 });
    expect(await ledger.spending(scope, 0), 'it is renewed').toEqual({ spent: 0, reserved: 300 });
    other.kill('SIGKILL');
    await once(other, 'exit');
    await expect.poll(() => ledger.spending(scope, 0), { timeout: 5_000 }).toEqual({ spent: 300, reserved: 0 });
    await ledger.settle({ id: `${scope.name} dead`, scopes: [scope], at: 0 }, { nanoUsd: 20, tokens: 0 });
    expect(await ledger.spending(scope, 0), 'it was only slow').toEqual({ spent: 20, reserved: 0 });
  });

  test('of any requests over two gateways, with answers late and lost: never over, none falsely refused, nothing locked', async () => {
    const step = fc.record({
      gateway: fc.nat(1),
      cost: fc.integer({ min: 1, max: 40 }),
      fault: fc.constantFrom('none', 'none', 'slow', 'cut'),
      settles: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async steps => {
        const gateways = [await open(), await open()];
        const scope = tenant(150);
        const run = scope.name;
        const inFlight: { id: string; cost: number; ledger: BudgetLedger }[] = [];
        let [spent, reserved] = [0, 0];
        for (const [i, { gateway, cost, fault, settles }] of steps.entries()) {
          if (fault === 'slow') await redis.pause(20);
          const ledger = gateways[gateway]!;
          const asked = ledger.reserve(`${run} ${i}`, [scope], estimateOf(cost), 0);
          if (fault === 'cut') await redis.cutConnections();
          const { type } = await asked;
          const left = 150 - spent;
          expect(type).toBe(left <= 0 || cost > left ? 'spent' : reserved + cost <= left ? 'taken' : 'busy');
          if (type === 'taken') {
            inFlight.push({ id: `${run} ${i}`, cost, ledger });
            reserved += cost;
          }
          for (const one of inFlight.splice(0, settles)) {
            const settled = one.ledger.settle({ id: one.id, scopes: [scope], at: 0 }, { nanoUsd: one.cost, tokens: 0 });
            if (fault === 'cut') await redis.cutConnections();
            await settled;
            reserved -= one.cost;
            spent += one.cost;
          }
          await expect.poll(() => gateways[0]!.spending(scope, 0).catch(() => undefined)).toEqual({ spent, reserved });
        }
        for (const one of inFlight) await one.ledger.settle({ id: one.id, scopes: [scope], at: 0 }, { nanoUsd: 0, tokens: 0 });
        await expect.poll(() => gateways[0]!.spending(scope, 0).catch(() => undefined)).toEqual({ spent, reserved: 0 });
        for (const gateway of gateways) await gateway.close();
      }),
      runs(8, 100),
    );
  });
});
