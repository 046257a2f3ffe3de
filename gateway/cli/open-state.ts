/** Opens the state of `state.url`: the ledger of budgets, the store of rollouts and that of breaches. */
import { join } from 'node:path';
import type { BudgetLedger } from '../budgets/ledger.ts';
import { redisLedger } from '../budgets/redis-ledger.ts';
import { sqliteLedger } from '../budgets/sqlite-ledger.ts';
import { type KeyStore, redisKeys, sqliteKeys } from '../keys/key-store.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { type BreachStore, redisBreaches, sqliteBreaches } from '../targets/breach-store.ts';
import { type RolloutStore, redisRollouts, sqliteRollouts } from '../targets/rollout-store.ts';
import { CommandError, exit } from './command.ts';

export interface StateStores {
  readonly callerLedger: BudgetLedger;
  readonly rolloutStore: RolloutStore;
  readonly breachStore: BreachStore;
  readonly keyStore: KeyStore;
}

/** The breaches of certificates in `state.url`. `onFailed` gets each connection error of Redis. */
export async function openBreaches({ state, store }: Settings, onFailed: (problem: string) => void): Promise<BreachStore> {
  return state.url === 'sqlite' ? sqliteBreaches(join(store.path, 'state.sqlite')) : redisBreaches(state.url.reveal(), onFailed);
}

/** The keys in `state.url`, for commands. */
export async function openKeys({ state, store }: Settings): Promise<KeyStore> {
  return state.url === 'sqlite' ? sqliteKeys(join(store.path, 'state.sqlite')) : redisKeys(state.url.reveal(), () => {});
}

/** Throws a CommandError when the state cannot be opened. A Redis that is down is reported in the log instead. */
export async function openState({ state, store }: Settings, log: Log): Promise<StateStores> {
  const onFailed = (problem: string): void => log.warn(`the Redis of state.url: ${problem}`);
  try {
    if (state.url !== 'sqlite') {
      const url = state.url.reveal();
      return {
        callerLedger: await redisLedger(url, onFailed),
        rolloutStore: await redisRollouts(url, () => {}),
        breachStore: await redisBreaches(url, () => {}),
        keyStore: await redisKeys(url, () => {}),
      };
    }
    const file = join(store.path, 'state.sqlite');
    const callerLedger = sqliteLedger(file, count =>
      log.warn(`${count} requests were in flight when the gateway died; their reserved amounts count as spent`),
    );
    return { callerLedger, rolloutStore: sqliteRollouts(file), breachStore: sqliteBreaches(file), keyStore: sqliteKeys(file) };
  } catch (error) {
    throw new CommandError(
      exit.usage,
      `The state of budgets and rate limits cannot be opened: ${error instanceof Error ? error.message : error}`,
    );
  }
}
