/** The records of a gateway, for its admin API. */
import type { Records } from '../../gateway/admin/records.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { exchange, exchanges, labels, payload, tenantOf } from './exchanges.ts';
import { openReader, type Reader } from './reader.ts';
import { audit, pairs, run, runs, usage } from './usage.ts';

/** Connects on the first query, and again when the store has moved. */
export const openRecords = (settings: Settings): Records => recordsOf(openReader(settings));

/** The records over a given reader. */
export const recordsOf = (reader: Reader): Records => ({
  exchanges: (query, scope) => exchanges(reader, query, scope),
  exchange: (id, scope) => exchange(reader, id, scope),
  payload: (id, attempt, scope) => payload(reader, id, attempt, scope),
  tenantOf: (id, scope) => tenantOf(reader, id, scope),
  usage: (query, scope) => usage(reader, query, scope),
  runs: (query, scope) => runs(reader, query, scope),
  run: (id, scope) => run(reader, id, scope),
  pairs: (id, query, scope) => pairs(reader, id, query, scope),
  labels: (query, scope) => labels(reader, query, scope),
  audit: (query, scope) => audit(reader, query, scope),
  close: () => reader.close(),
});
