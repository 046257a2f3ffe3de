/** The ledger that the configuration names, opened with what a user can mend. */
import { join } from 'node:path';
import { CommandError, exit } from '../cli.ts';
import type { Log } from '../observe/logs.ts';
import type { Settings } from '../settings.ts';
import type { Ledger } from './ledger.ts';
import { redisLedger } from './redis-ledger.ts';
import { sqliteLedger } from './sqlite-ledger.ts';

export async function openLedger({ state, store }: Settings, log: Log): Promise<Ledger> {
  try {
    if (state.url !== 'sqlite') return await redisLedger(state.url.reveal(), problem => log.warn(`the Redis of state.url: ${problem}`));
    return sqliteLedger(join(store.path, 'state.sqlite'), count =>
      log.warn(`${count} requests were under way when the gateway died; what was reserved for them counts as spent`),
    );
  } catch (error) {
    throw new CommandError(exit.usage, `Budgets and limits cannot be counted: ${error instanceof Error ? error.message : error}`);
  }
}
