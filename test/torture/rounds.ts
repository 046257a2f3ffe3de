/** Rounds of load in which one process after another is killed; then every acknowledged exchange is looked for in the store. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../recorder/store/store.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { startLoad } from './load.ts';
import { ProcessCluster } from './process-cluster.ts';

export interface DurabilityReport {
  readonly stored: number;
  /** Acknowledged and not there. */
  readonly lost: readonly string[];
  /** There more than once, in some table. */
  readonly duplicates: number;
  /** Whether every exchange has its attempts and payloads, and the rollups count each once. */
  readonly whole: boolean;
}

export interface RoundsReport extends DurabilityReport {
  readonly rounds: number;
  readonly kills: Readonly<Record<'gateway' | 'recorder' | 'engine', number>>;
  readonly acknowledged: number;
  readonly broken: number;
  readonly drained: boolean;
}

export interface RoundsOptions {
  readonly rounds: number;
  readonly seed: string;
  readonly store: 'embedded' | 'apart';
  readonly log: (line: string) => void;
}

const drainMsMax = 120_000;
const roundMsMax = 60_000;

export async function killRounds({ rounds, seed, store, log }: RoundsOptions): Promise<RoundsReport> {
  await using cluster = new ProcessCluster({ store, log });
  await cluster.start();
  const load = startLoad(() => cluster.url, { callers: 6, pauseMs: 40, bodyBytes: 1_000 });
  const kills = { gateway: 0, recorder: 0, engine: 0 };
  const victims = store === 'apart' ? (['gateway', 'engine', 'recorder'] as const) : (['recorder', 'gateway'] as const);
  for (let round = 0; round < rounds; round++) {
    const before = load.counts.acknowledged.length;
    for (const until = Date.now() + roundMsMax; load.counts.acknowledged.length < before + 10; await sleep(20)) {
      if (Date.now() > until) throw new Error(`nobody answers any more in round ${round}, seed ${seed}`);
    }
    await sleep(1_500 * seededUniform(seed, `moment ${round}`));
    const victim = victims[round % victims.length]!;
    const killed = await cluster.kill(victim);
    log(`round ${round}: ${victim} ${killed ? 'killed' : 'was not there'}`);
    kills[victim] += Number(killed);
    if (victim === 'gateway') await cluster.startGateway();
    if (victim === 'engine') {
      await sleep(500 * seededUniform(seed, `pause ${round}`));
      await cluster.startEngine();
    }
  }
  await load.stop();
  const drained = await cluster.drained(drainMsMax);
  const result = await checkDurability(await cluster.store(), load.counts.acknowledged);
  return { rounds, kills, acknowledged: load.counts.acknowledged.length, broken: load.counts.broken, drained, ...result };
}

export async function checkDurability(store: Store, acknowledged: readonly string[]): Promise<DurabilityReport> {
  const ids = async (table: string, where = '1'): Promise<readonly string[]> =>
    (await store.select<{ id: string }>(`SELECT toString(request_id) AS id FROM ${table} WHERE ${where}`)).map(({ id }) => id);
  const stored = await ids('requests');
  const acknowledgedIds = new Set(stored);
  const others = [
    await ids('attempts', 'attempt_no = 1'),
    await ids('payloads', 'attempt_no = 0'),
    await ids('payloads', 'attempt_no = 1'),
  ];
  const counted = await countedByRollups(store, acknowledgedIds.size);
  await store.close();
  return {
    stored: acknowledgedIds.size,
    lost: acknowledged.filter(id => !acknowledgedIds.has(id)),
    duplicates: [stored, ...others].reduce((count, list) => count + list.length - new Set(list).size, 0),
    // Exchanges that ended before any attempt have none.
    whole:
      others.every(list => list.length <= stored.length && acknowledged.every(id => list.includes(id))) && counted === acknowledgedIds.size,
  };
}

const rollupMsMax = 30_000;

/** Rollups of the embedded engine follow the rows within seconds. Sums that are larger than they should be do not become smaller. */
async function countedByRollups(store: Store, expected: number): Promise<number> {
  for (const deadline = Date.now() + rollupMsMax; ; await sleep(200)) {
    const [sum] = await store.select<{ n: number }>('SELECT sum(requests) AS n FROM usage_1m');
    const counted = Number(sum?.n);
    if (counted >= expected || Date.now() > deadline) return counted;
  }
}
