/** Opens the state of `state.url`: the ledger of budgets and the store of rollouts. */
import { join } from 'node:path';
import type { BudgetLedger } from '../budgets/ledger.ts';
import { redisLedger } from '../budgets/redis-ledger.ts';
import { sqliteLedger } from '../budgets/sqlite-ledger.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { type RolloutStore, redisRollouts, sqliteRollouts } from '../targets/rollout-store.ts';
import { CommandError, exit } from './command.ts';

export interface StateStores {
  readonly callerLedger: BudgetLedger;
  readonly rolloutStore: RolloutStore;
}

/** Throws a CommandError when the state cannot be opened. A Redis that is down is reported in the log instead. */
export async function openState({ state, store }: Settings, log: Log): Promise<StateStores> {
  const onFailed = (problem: string): void => log.warn(`the Redis of state.url: ${problem}`);
  try {
    if (state.url !== 'sqlite') {
      const url = state.url.reveal();
      return { callerLedger: await redisLedger(url, onFailed), rolloutStore: await redisRollouts(url, () => {}) };
    }
    const file = join(store.path, 'state.sqlite');
    const callerLedger = sqliteLedger(file, count =>
      log.warn(`${count} requests were in flight when the gateway died; their reserved amounts count as spent`),
    );
    return { callerLedger, rolloutStore: sqliteRollouts(file) };
  } catch (error) {
    throw new CommandError(
      exit.usage,
      `The state of budgets and rate limits cannot be opened: ${error instanceof Error ? error.message : error}`,
    );
  }
}
