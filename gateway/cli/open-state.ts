/** The state that the configuration names, opened with what a user can mend: what callers have spent, and how far rollouts have come. */
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

export async function openState({ state, store }: Settings, log: Log): Promise<StateStores> {
  const failed = (problem: string): void => log.warn(`the Redis of state.url: ${problem}`);
  try {
    if (state.url !== 'sqlite') {
      const url = state.url.reveal();
      return { callerLedger: await redisLedger(url, failed), rolloutStore: await redisRollouts(url, () => {}) };
    }
    const file = join(store.path, 'state.sqlite');
    const callerLedger = sqliteLedger(file, count =>
      log.warn(`${count} requests were under way when the gateway died; what was reserved for them counts as spent`),
    );
    return { callerLedger, rolloutStore: sqliteRollouts(file) };
  } catch (error) {
    throw new CommandError(exit.usage, `Budgets and limits cannot be counted: ${error instanceof Error ? error.message : error}`);
  }
}
