/** The records of a gateway, for its admin API. */
import type { Records } from '../../gateway/admin/records.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { exchange, exchanges, labels, payload, tenantOf } from './exchanges.ts';
import { openReader, type Reader } from './reader.ts';
import { audit, pairs, run, runs, usage } from './usage.ts';

/** The store is asked when somebody asks, and found anew when it has moved. */
export const openRecords = (settings: Settings): Records => recordsOf(openReader(settings));

/** The records over a given reader. */
export const recordsOf = (reader: Reader): Records => ({
  exchanges: (query, asker) => exchanges(reader, query, asker),
  exchange: (id, asker) => exchange(reader, id, asker),
  payload: (id, attempt, asker) => payload(reader, id, attempt, asker),
  tenantOf: (id, asker) => tenantOf(reader, id, asker),
  usage: (query, asker) => usage(reader, query, asker),
  runs: (query, asker) => runs(reader, query, asker),
  run: (id, asker) => run(reader, id, asker),
  pairs: (id, query, asker) => pairs(reader, id, query, asker),
  labels: (query, asker) => labels(reader, query, asker),
  audit: (query, asker) => audit(reader, query, asker),
  close: () => reader.close(),
});
