/** Every ledger makes the same decisions, stores them, and settles each reservation once: in memory, in a file, in a real Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BudgetLedger, Reservation } from '../../gateway/budgets/ledger.ts';
import { redisLedger } from '../../gateway/budgets/redis-ledger.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import type { BudgetScope } from '../../gateway/core/money/budget.ts';
import { runs } from '../runs.ts';
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
    const admitted = verdicts.flatMap(({ type }, i) => (type === 'taken' ? [{ id: `${scope.name} ${i}`, scopes: [scope], at: i }] : []));
    await Promise.all(admitted.map(one => ledger.settle(one, { nanoUsd: 60, tokens: 0 })));
    await ledger.settle(admitted[0]!, { nanoUsd: 60, tokens: 0 });
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
    await ledger.settle({ id: `${scope.name} a`, scopes: [scope], at }, { nanoUsd: 0, tokens: 10 });
    expect((await ledger.reserve(`${scope.name} b`, [scope], estimateOf(0, 80), at)).type).toBe('taken');
  });

  only('counts each period separately', async () => {
    const ledger = await open();
    const scope: BudgetScope = { name: `tenant d${count++}`, budget: { nanoUsd: 10, per: 'day' } };
    const day = 86_400_000;
    await ledger.reserve(`${scope.name} a`, [scope], estimateOf(10), day - 1);
    expect((await ledger.reserve(`${scope.name} b`, [scope], estimateOf(10), day)).type).toBe('taken');
    await ledger.settle({ id: `${scope.name} a`, scopes: [scope], at: day - 1 }, { nanoUsd: 7, tokens: 0 });
    expect(await ledger.spending(scope, day - 1)).toEqual({ spent: 7, reserved: 0 });
    expect(await ledger.spending(scope, day)).toEqual({ spent: 0, reserved: 10 });
  });

  only('lets so many requests run at once, and counts days apart from minutes', async () => {
    const ledger = await open();
    const scope: BudgetScope = { name: `key p${count++}`, limits: { maxParallel: 2, requestsPerDay: 4, tokensPerDay: 100 } };
    const reserve = (id: string, at: number) => ledger.reserve(`${scope.name} ${id}`, [scope], estimateOf(0, 10), at);
    const settle = (id: string, tokens: number) =>
      ledger.settle({ id: `${scope.name} ${id}`, scopes: [scope], at: 0 }, { nanoUsd: 0, tokens });
    expect([(await reserve('a', 0)).type, (await reserve('b', 0)).type]).toEqual(['taken', 'taken']);
    expect(await reserve('c', 0)).toMatchObject({ type: 'limited', dimension: 'parallel', limit: 2 });
    await settle('a', 80);
    expect(await reserve('c', 0)).toMatchObject({ type: 'taken' });
    await settle('b', 10);
    await settle('c', 10);
    expect(await reserve('d', 0), '100 tokens of the day are used').toMatchObject({
      type: 'limited',
      dimension: 'dailyTokens',
      limit: 100,
    });
    expect((await reserve('d', 86_400_000)).type).toBe('taken');
  });

  only('takes from each scope what is its part, and notes a name once', async () => {
    const ledger = await open();
    const [all, part] = [tenant(1_000), { ...tenant(1_000), estimated: 40 }];
    const reservation = { id: `${part.name} a`, scopes: [all, part], at: 0 };
    await ledger.reserve(reservation.id, [all, part], estimateOf(100), 0);
    expect([await ledger.spending(all, 0), await ledger.spending(part, 0)]).toMatchObject([{ reserved: 100 }, { reserved: 40 }]);
    await ledger.settle(reservation, { nanoUsd: 90, tokens: 0, byScope: { [part.name]: 30 } });
    expect([await ledger.spending(all, 0), await ledger.spending(part, 0)]).toEqual([
      { spent: 90, reserved: 0 },
      { spent: 30, reserved: 0 },
    ]);
    const note = `note ${count++}`;
    expect([await ledger.noteOnce(note, 60_000, 0), await ledger.noteOnce(note, 60_000, 1)]).toEqual([true, false]);
  });

  only('makes the same decisions as the pure model, whatever the requests', async () => {
    const ledger = await open();
    const model = sqliteLedger(':memory:');
    await fc.assert(
      fc.asyncProperty(fc.commands(ledgerCommands, { maxCommands: 14 }), async commands => {
        const scopes = modelScopes(count++);
        await fc.asyncModelRun(() => ({ model: { at: 50_000_000, next: 0, open: [] }, real: { ledger, model, scopes } }), commands);
      }),
      runs(25, 400),
    );
    await model.close();
  });
});

interface LedgerModel {
  at: number;
  next: number;
  open: Reservation[];
}
interface Ledgers {
  readonly ledger: BudgetLedger;
  readonly model: BudgetLedger;
  readonly scopes: readonly BudgetScope[];
}

const modelScopes = (run: number): readonly BudgetScope[] => [
  { name: `tenant m${run}`, budget: { nanoUsd: 100, per: 'month' } },
  { name: `budget m${run}`, budget: { nanoUsd: 70, per: 'hour' }, estimated: 5 },
  {
    ...{ name: `key m${run}`, budget: { nanoUsd: 80, per: 'day' as const } },
    limits: { requestsPerMinute: 5, tokensPerMinute: 60, requestsPerDay: 9, tokensPerDay: 200, maxParallel: 3 },
  },
];

const same = async ({ ledger, model, scopes }: Ledgers, at: number): Promise<void> => {
  for (const scope of scopes) expect(await ledger.spending(scope, at), scope.name).toEqual(await model.spending(scope, at));
};

class Reserve implements fc.AsyncCommand<LedgerModel, Ledgers> {
  readonly wanted: { nanoUsd: number; leastNanoUsd: number; tokens: number; isGuess: boolean; afterMs: number };
  constructor(wanted: Reserve['wanted']) {
    this.wanted = wanted;
  }
  check = () => true;
  async run(state: LedgerModel, ledgers: Ledgers): Promise<void> {
    const { ledger, model, scopes } = ledgers;
    const { afterMs, ...estimate } = this.wanted;
    state.at += afterMs;
    const id = `${scopes[0]!.name} ${state.next++}`;
    const [seen, expected] = [await ledger.reserve(id, scopes, estimate, state.at), await model.reserve(id, scopes, estimate, state.at)];
    // Redis stores a level as text: the last digit of a double may change a wait by a few milliseconds a day.
    const waits = [seen, expected].map(verdict => (verdict.type === 'limited' ? verdict.waitMs : 0));
    expect(Math.abs(waits[0]! - waits[1]!)).toBeLessThanOrEqual(5);
    const bare = { states: 0, waitMs: 0 };
    expect({ ...seen, ...bare }).toEqual({ ...expected, ...bare });
    if (seen.type === 'taken') state.open.push({ id, scopes, at: state.at });
    await same(ledgers, state.at);
  }
  toString = () => `reserve ${JSON.stringify(this.wanted)}`;
}

/** Each settlement is told once or twice, as after a lost reply. */
class Settle implements fc.AsyncCommand<LedgerModel, Ledgers> {
  readonly used: { nanoUsd: number; tokens: number; times: number };
  constructor(used: Settle['used']) {
    this.used = used;
  }
  check = ({ open }: LedgerModel) => open.length > 0;
  async run(state: LedgerModel, ledgers: Ledgers): Promise<void> {
    const reservation = state.open.shift()!;
    const { times, ...used } = this.used;
    const byScope = { [ledgers.scopes[1]!.name]: Math.floor(used.nanoUsd / 2) };
    for (let i = 0; i < times; i++) await ledgers.ledger.settle(reservation, { ...used, byScope });
    await ledgers.model.settle(reservation, { ...used, byScope });
    await same(ledgers, state.at);
  }
  toString = () => `settle ${JSON.stringify(this.used)}`;
}

const ledgerCommands = [
  fc
    .record({ nanoUsd: fc.nat(40), leastNanoUsd: fc.nat(40), tokens: fc.nat(40), isGuess: fc.boolean(), afterMs: fc.nat(20_000) })
    .map(wanted => new Reserve(wanted)),
  fc.record({ nanoUsd: fc.nat(40), tokens: fc.nat(40), times: fc.integer({ min: 1, max: 2 }) }).map(used => new Settle(used)),
];

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
