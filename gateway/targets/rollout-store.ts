/** Stores the state of rollouts: in the gateway's file, or in a Redis that several gateways share. Their samples are merged. */
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RedisClientType } from 'redis';
import type { Rollout } from '../core/routing/rollout.ts';
import type { Milliseconds } from '../core/shared/time.ts';

export interface RolloutStore {
  /** Replaces the state of this name by `fold` of it, atomically, and resolves to the new state. `fold` may be called more than once. */
  update(name: string, fold: (before: Rollout | undefined) => Rollout): Promise<Rollout>;
  close(): Promise<void>;
}

/** A rollout without an update for so long belongs to an old configuration. */
const retentionMs: Milliseconds = 400 * 86_400_000;
const table = 'CREATE TABLE IF NOT EXISTS rollouts (name TEXT PRIMARY KEY, state TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID';

/** The rollouts in this SQLite file, readable by its owner alone. */
export function sqliteRollouts(file: string): RolloutStore {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 500;');
  database.exec(table);
  if (file !== ':memory:') chmodSync(file, 0o600);
  database.prepare('DELETE FROM rollouts WHERE at < ?').run(Date.now() - retentionMs);
  const read = database.prepare('SELECT state FROM rollouts WHERE name = ?');
  const write = database.prepare(
    'INSERT INTO rollouts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at',
  );
  return {
    update: async (name, fold) => {
      database.exec('BEGIN IMMEDIATE');
      try {
        const row = read.get(name) as { state: string } | undefined;
        const after = fold(row && parse(row.state));
        write.run(name, format(after), Date.now());
        database.exec('COMMIT');
        return after;
      } catch (problem) {
        database.exec('ROLLBACK');
        throw problem;
      }
    },
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

const waitMsMax: Milliseconds = 1_000;
const attemptsMax = 10;
const swapScript = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`;

/** The rollouts in Redis, changed by compare and swap. `onFailed` gets each connection error. */
export async function redisRollouts(url: string, onFailed: (problem: string) => void): Promise<RolloutStore> {
  const { createClient } = await import('redis');
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: waitMsMax, reconnectStrategy: (retries: number) => Math.min(2_000, 50 * 2 ** Math.min(retries, 10)) },
  }) as unknown as RedisClientType;
  client.on('error', (error: Error) => onFailed(error.message));
  await Promise.race([client.connect(), new Promise(resolve => setTimeout(resolve, waitMsMax).unref())]).catch(() => {});
  return {
    update: async (name, fold) => {
      const key = `hindcast:{state}:rollout:${createHash('sha256').update(name).digest('hex')}`;
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const before = (await client.get(key)) ?? '';
        const after = fold(before === '' ? undefined : parse(before));
        const swapped = await client.eval(swapScript, { keys: [key], arguments: [before, format(after), String(retentionMs)] });
        if (swapped === 1) return after;
      }
      throw new Error(`other gateways changed it during each of ${attemptsMax} attempts`);
    },
    close: async () => {
      if (client.isOpen) client.destroy();
    },
  };
}

type StoredRollout = { readonly [Name in keyof Rollout]: Rollout[Name] };

const format = (rollout: Rollout): string =>
  JSON.stringify(rollout, (_, value) => (value instanceof Map ? { buckets: [...value] } : value));

/** Undefined for a value that is not a rollout. */
function parse(text: string): Rollout | undefined {
  try {
    const read = JSON.parse(text, (_, value) => (Array.isArray(value?.buckets) ? new Map(value.buckets) : value)) as StoredRollout;
    return typeof read.stage === 'number' && read.variant.latency instanceof Map && read.base.latency instanceof Map ? read : undefined;
  } catch {
    return undefined;
  }
}
