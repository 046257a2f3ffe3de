/** Every ledger makes the same decisions, stores them, and settles each reservation once: in memory, in a file, in a real Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BudgetLedger, reservationMsMax } from '../../gateway/budgets/ledger.ts';
import { redisLedger } from '../../gateway/budgets/redis-ledger.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import type { BudgetScope } from '../../gateway/core/money/budget.ts';
import { hasRedis, type RunningRedis, startRedis } from './redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-ledger-'));
const opened: BudgetLedger[] = [];
let redis: RunningRedis | undefined;
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  for (const ledger of opened) await ledger.close().catch(() => {});
  await redis?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const tenant = (nanoUsd: number): BudgetScope => ({ name: `tenant t${count++}`, budget: { nanoUsd, per: 'total' } });
const estimateOf = (nanoUsd: number, tokens = 0) => ({ nanoUsd, tokens, isGuess: false });

const kinds: readonly (readonly [string, () => Promise<BudgetLedger>])[] = [
  ['in memory', async () => sqliteLedger(':memory:')],
  ['in a file', async () => sqliteLedger(join(folder, `${count++}.sqlite`))],
  [`in a Redis${hasRedis ? '' : ' (skipped: no redis-server here)'}`, () => redisLedger(redis!.url, () => {})],
];

describe.each(kinds)('a ledger %s', (name, start) => {
  const open = async (): Promise<BudgetLedger> => {
    const ledger = await start();
    opened.push(ledger);
    return ledger;
  };
  const only = test.skipIf(name.includes('skipped'));

  only('admits what the budget covers, 64 at once, and never more', async () => {
    const ledger = await open();
    const scope = tenant(1_000);
    const verdicts = await Promise.all(
      Array.from({ length: 64 }, (_, i) => ledger.reserve(`${scope.name} ${i}`, [scope], estimateOf(100), i)),
    );
    expect(verdicts.filter(({ type }) => type === 'taken')).toHaveLength(10);
    expect(new Set(verdicts.map(({ type }) => type))).toEqual(new Set(['taken', 'busy']));
    expect(await ledger.spending(scope, 0)).toEqual({ spent: 0, reserved: 1_000 });
    await Promise.all(verdicts.map((_, i) => ledger.settle(`${scope.name} ${i}`, { nanoUsd: 60, tokens: 0 }, 100)));
    await ledger.settle(`${scope.name} 0`, { nanoUsd: 60, tokens: 0 }, 100);
    expect(await ledger.spending(scope, 0)).toEqual({ spent: 600, reserved: 0 });
    expect(await ledger.countOpen()).toBe(0);
    expect(await ledger.reserve('one more', [scope], estimateOf(401), 0)).toEqual({ type: 'spent', scope: scope.name, left: 400 });
  });

  only('counts requests and tokens per minute, and corrects the tokens at settlement', async () => {
    const ledger = await open();
    const scope: BudgetScope = { name: `key k${count++}`, limits: { requestsPerMinute: 3, tokensPerMinute: 100 } };
    const at = 1_000_000;
    expect(await ledger.reserve(`${scope.name} a`, [scope], estimateOf(0, 80), at)).toMatchObject({
      type: 'taken',
      states: [{ requests: { level: 2 }, tokens: { level: 20 } }],
    });
    expect(await ledger.reserve(`${scope.name} b`, [scope], estimateOf(0, 80), at)).toMatchObject({
      type: 'limited',
      dimension: 'tokens',
      scope: scope.name,
      limit: 100,
      waitMs: 36_000,
    });
    await ledger.settle(`${scope.name} a`, { nanoUsd: 0, tokens: 10 }, at);
    expect((await ledger.reserve(`${scope.name} b`, [scope], estimateOf(0, 80), at)).type).toBe('taken');
  });

  only('counts each period separately', async () => {
    const ledger = await open();
    const scope: BudgetScope = { name: `tenant d${count++}`, budget: { nanoUsd: 10, per: 'day' } };
    const day = 86_400_000;
    await ledger.reserve(`${scope.name} a`, [scope], estimateOf(10), day - 1);
    expect((await ledger.reserve(`${scope.name} b`, [scope], estimateOf(10), day)).type).toBe('taken');
    await ledger.settle(`${scope.name} a`, { nanoUsd: 7, tokens: 0 }, day + 1);
    expect(await ledger.spending(scope, day - 1)).toEqual({ spent: 7, reserved: 0 });
    expect(await ledger.spending(scope, day)).toEqual({ spent: 0, reserved: 10 });
  });

  only('makes the same decisions as the ledger in memory, whatever the requests', async () => {
    const ledger = await open();
    const model = sqliteLedger(':memory:');
    const step = fc.record({
      wanted: fc.nat(40),
      tokens: fc.nat(40),
      isGuess: fc.boolean(),
      used: fc.nat(40),
      afterMs: fc.nat(20_000),
      settles: fc.nat(2),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const run = count++;
        const scopes: BudgetScope[] = [
          { name: `tenant m${run}`, budget: { nanoUsd: 100, per: 'month' } },
          { name: `key m${run}`, budget: { nanoUsd: 80, per: 'day' }, limits: { requestsPerMinute: 5, tokensPerMinute: 60 } },
        ];
        let at = 50_000_000;
        const inFlight: string[] = [];
        for (const [i, { wanted, tokens, isGuess, used, afterMs, settles }] of steps.entries()) {
          at += afterMs;
          const input = [`${run} ${i}`, scopes, { nanoUsd: wanted, tokens, isGuess }, at] as const;
          const [seen, expected] = [await ledger.reserve(...input), await model.reserve(...input)];
          // Redis stores a level as text: the last digit of a double may change a wait by a millisecond.
          const waits = [seen, expected].map(verdict => (verdict.type === 'limited' ? verdict.waitMs : 0));
          expect(Math.abs(waits[0]! - waits[1]!)).toBeLessThanOrEqual(1);
          const bare = { states: 0, reserved: 0, waitMs: 0 };
          expect({ ...seen, ...bare }).toEqual({ ...expected, ...bare });
          if (seen.type === 'taken') inFlight.push(input[0]);
          for (const id of inFlight.splice(0, settles)) {
            for (const one of [ledger, model]) await one.settle(id, { nanoUsd: used, tokens: used }, at);
          }
          for (const scope of scopes) expect(await ledger.spending(scope, at)).toEqual(await model.spending(scope, at));
        }
        for (const id of inFlight) for (const one of [ledger, model]) await one.settle(id, { nanoUsd: 1, tokens: 1 }, at);
      }),
      { numRuns: 25 },
    );
    await model.close();
  });
});

test.skipIf(!hasRedis)(
  `what a killed gateway had reserved in Redis counts as spent once it is older than any request takes${hasRedis ? '' : ' (skipped: no redis-server here)'}`,
  async () => {
    const scope = tenant(1_000);
    const reserve = `const { redisLedger } = await import(${JSON.stringify(join(import.meta.dirname, '../../gateway/budgets/redis-ledger.ts'))});
const ledger = await redisLedger(${JSON.stringify(redis!.url)}, () => {});
const estimateOf = { nanoUsd: 300, tokens: 0, isGuess: false };
await ledger.reserve('dead', [${JSON.stringify(scope)}], estimateOf, Date.now() - ${reservationMsMax} - 1);
await ledger.reserve('young', [${JSON.stringify(scope)}], estimateOf, Date.now());
process.stdout.write('reserved');
setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', reserve], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    other.kill('SIGKILL');
    await once(other, 'exit');
    const ledger = await redisLedger(redis!.url, () => {}, 20);
    opened.push(ledger);
    await expect.poll(() => ledger.spending(scope, Date.now()), { timeout: 5_000 }).toEqual({ spent: 300, reserved: 300 });
    await ledger.settle('dead', { nanoUsd: 1, tokens: 0 }, Date.now());
    expect(await ledger.spending(scope, Date.now()), 'settled once').toEqual({ spent: 300, reserved: 300 });
  },
);

test('what a killed gateway had reserved counts as spent when the next one starts, and only the owner may read the file', async () => {
  const file = join(folder, 'killed.sqlite');
  const program = `
    import { sqliteLedger } from ${JSON.stringify(new URL('../../gateway/budgets/sqlite-ledger.ts', import.meta.url).href)};
    const ledger = sqliteLedger(${JSON.stringify(file)});
    await ledger.reserve('a', [{ name: 'tenant x', budget: { nanoUsd: 100, per: 'total' } }], { nanoUsd: 30, tokens: 0, isGuess: false }, Date.now());
    console.log('reserved');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const scope: BudgetScope = { name: 'tenant x', budget: { nanoUsd: 100, per: 'total' } };
  const beside = sqliteLedger(file);
  expect(await beside.spending(scope, 0), 'its owner lives').toEqual({ spent: 0, reserved: 30 });
  await beside.close();
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  let recovered = 0;
  const ledger = sqliteLedger(file, number => {
    recovered = number;
  });
  expect(recovered).toBe(1);
  expect(await ledger.spending(scope, 0)).toEqual({ spent: 30, reserved: 0 });
  expect(await ledger.countOpen()).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await ledger.close();
});
