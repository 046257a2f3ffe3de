/** Reads erasures from the store for the recorder, cached for a short time. */
import type { Store } from '../store/store.ts';
import type { Tombstone } from './tombstone.ts';

/** An erasure waits longer than this before it expects recorders to know it. */
export const staleMsMax = 1_000;

/** A function that gives all erasures. It reads the store again after `staleMsMax`, and rejects when the store does. */
export function tombstoneReader(store: Pick<Store, 'select'>): () => Promise<readonly Tombstone[]> {
  let cached: readonly Tombstone[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = performance.now();
    if (now - readAt < staleMsMax) return cached;
    cached = await store.select<Tombstone>(
      `SELECT DISTINCT tenant_id, user_sha256, request_id, toUnixTimestamp64Milli(requested_at) AS at FROM erasures`,
    );
    readAt = now;
    return cached;
  };
}
