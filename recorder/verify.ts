/** Asks the store whether it has what it acknowledged. */
import type { Instant } from '../gateway/core/time.ts';
import type { Batch, Entry } from './batch.ts';
import type { Store } from './store.ts';

const idsPerQuery = 1_000;

/** The entries whose exchange is not in `requests`. What arrived before `since` may have been dropped already and is not asked for. */
export async function missingFrom(store: Pick<Store, 'select'>, batch: Batch, since: Instant): Promise<readonly Entry[]> {
  const missing: Entry[] = [];
  // What was said of an exchange has no row of its own there.
  const kept = batch.entries.filter(({ receivedAt, rows }) => receivedAt >= since && rows.requests.count > 0);
  for (let i = 0; i < kept.length; i += idsPerQuery) {
    const entries = kept.slice(i, i + idsPerQuery);
    const times = entries.map(({ receivedAt }) => Math.floor(receivedAt));
    // The ids stand in the text, not in a parameter: parameters travel in the URL, which has no room for so many. Each is a UUID, or it
    // would have had no row.
    const found = await store.select<{ id: string }>(
      `SELECT DISTINCT toString(request_id) AS id FROM requests
WHERE ts >= fromUnixTimestamp64Milli({from: Int64}) AND ts <= fromUnixTimestamp64Milli({to: Int64})
AND request_id IN (${entries.map(({ id }) => `'${id}'`).join(', ')})`,
      { from: Math.min(...times), to: Math.max(...times) },
    );
    const ids = new Set(found.map(({ id }) => id));
    missing.push(...entries.filter(({ id }) => !ids.has(id.toLowerCase())));
  }
  return missing;
}
