/** Where keys are kept that are made while the gateway runs: in its file, or in a Redis that several gateways share. */
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RedisClientType } from 'redis';
import type { Milliseconds } from '../core/shared/time.ts';
import type { StoredKey } from './stored-key.ts';

export interface KeyStore {
  /** In the order of their making. */
  all(): Promise<readonly StoredKey[]>;
  /** Adds a key; false when its name is taken. */
  add(key: StoredKey): Promise<boolean>;
  /** Replaces the key by what `change` makes of it; undefined when there is none with this id. Nobody else changes it meanwhile. */
  change(id: string, change: (key: StoredKey) => StoredKey): Promise<StoredKey | undefined>;
  /** False when there was none. */
  remove(id: string): Promise<boolean>;
  /** Calls back when somebody may have changed a key, here or elsewhere. */
  onChange(changed: () => void): void;
  close(): Promise<void>;
}

const tables = `
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
INSERT INTO keys_version VALUES (1, 0) ON CONFLICT DO NOTHING;
`;
/** Other processes of the machine learn of a change within this time. */
const pollMs: Milliseconds = 250;

/** The keys in this SQLite file, readable by its owner alone. */
export function sqliteKeys(file: string): KeyStore {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;');
  database.exec(tables);
  if (file !== ':memory:') chmodSync(file, 0o600);
  const read = database.prepare('SELECT key FROM keys ORDER BY rowid');
  const one = database.prepare('SELECT key FROM keys WHERE id = ?');
  const insert = database.prepare('INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const update = database.prepare('UPDATE keys SET key = ? WHERE id = ?');
  const remove = database.prepare('DELETE FROM keys WHERE id = ?');
  const version = database.prepare('SELECT version FROM keys_version');
  const raise = database.prepare('UPDATE keys_version SET version = version + 1');
  const versionNow = (): number => (version.get() as { version: number }).version;
  let known = versionNow();
  let changed = (): void => {};
  const look = (): void => {
    if (!database.isOpen || known === versionNow()) return;
    known = versionNow();
    changed();
  };
  const atomically = <Value>(work: () => Value): Value => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      raise.run();
      database.exec('COMMIT');
      return value;
    } catch (problem) {
      database.exec('ROLLBACK');
      throw problem;
    }
  };
  const timer = setInterval(look, pollMs).unref();
  const finish = <Value>(value: Value): Value => {
    look();
    return value;
  };
  return {
    all: async () => read.all().map(row => JSON.parse((row as { key: string }).key) as StoredKey),
    add: async key => finish(atomically(() => insert.run(key.id, key.name, JSON.stringify(key)).changes === 1)),
    change: async (id, change) =>
      finish(
        atomically(() => {
          const row = one.get(id) as { key: string } | undefined;
          if (!row) return undefined;
          const next = change(JSON.parse(row.key) as StoredKey);
          update.run(JSON.stringify(next), id);
          return next;
        }),
      ),
    remove: async id => finish(atomically(() => remove.run(id).changes === 1)),
    onChange(callback) {
      changed = callback;
    },
    async close() {
      clearInterval(timer);
      if (database.isOpen) database.close();
    },
  };
}

const waitMsMax: Milliseconds = 1_000;
const hash = 'hindcast:{state}:keys';
const channel = 'hindcast:{state}:keys-changed';
/** A message may be lost with its connection. */
const rereadMs: Milliseconds = 5_000;

const addScript = `
for _, text in ipairs(redis.call('HVALS', KEYS[1])) do if cjson.decode(text).name == ARGV[2] then return 0 end end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;
const changeScript = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** The keys in Redis: one hash, a field for each key. Changes are published. `onFailed` gets each connection error. */
export async function redisKeys(url: string, onFailed: (problem: string) => void): Promise<KeyStore> {
  const { createClient } = await import('redis');
  const open = async (): Promise<RedisClientType> => {
    const client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: waitMsMax, reconnectStrategy: (retries: number) => Math.min(2_000, 50 * 2 ** Math.min(retries, 10)) },
    }) as unknown as RedisClientType;
    client.on('error', (error: Error) => onFailed(error.message));
    await Promise.race([client.connect(), new Promise(resolve => setTimeout(resolve, waitMsMax).unref())]).catch(() => {});
    return client;
  };
  const [client, listener] = [await open(), await open()];
  let changed = (): void => {};
  const subscribe = (): Promise<void> => listener.subscribe(channel, () => changed()).catch(() => {});
  listener.on('ready', () => changed());
  if (listener.isReady) await subscribe();
  else listener.once('ready', () => void subscribe());
  const timer = setInterval(() => changed(), rereadMs).unref();
  const publish = async <Value>(value: Value): Promise<Value> => {
    await client.publish(channel, '').catch(() => 0);
    changed();
    return value;
  };
  const run = async (script: string, args: readonly string[]): Promise<boolean> =>
    (await client.eval(script, { keys: [hash], arguments: [...args] })) === 1;
  return {
    all: async () =>
      Object.values(await client.hGetAll(hash))
        .map(text => JSON.parse(text) as StoredKey)
        .sort((one, other) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1)),
    add: async key => publish(await run(addScript, [key.id, key.name, JSON.stringify(key)])),
    async change(id, change) {
      for (;;) {
        const text = await client.hGet(hash, id);
        if (text === null || text === undefined) return undefined;
        const next = change(JSON.parse(text) as StoredKey);
        if (await run(changeScript, [id, text, JSON.stringify(next)])) return publish(next);
      }
    },
    remove: async id => publish((await client.hDel(hash, id)) === 1),
    onChange(callback) {
      changed = callback;
    },
    async close() {
      clearInterval(timer);
      for (const one of [client, listener]) if (one.isOpen) one.destroy();
    },
  };
}
