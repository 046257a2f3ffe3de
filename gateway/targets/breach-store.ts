/** Stores breaches of certificates: in the gateway's file, or in a Redis that several gateways share. Each is written once and kept. */
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RedisClientType } from 'redis';
import type { Instant, Milliseconds } from '../core/shared/time.ts';

export interface Breach {
  readonly route: string;
  /** Of the certificate: a new one is another promise. */
  readonly issuedAt: string;
  readonly at: Instant;
  readonly evidence: number;
  readonly audited: number;
  /** Per request, as the audits show it. */
  readonly harm: number;
  readonly bound: number;
}

export interface BreachStore {
  /** The oldest first. */
  all(): Promise<readonly Breach[]>;
  /** Resolves to false when the certificate's breach is stored already. */
  add(breach: Breach): Promise<boolean>;
  close(): Promise<void>;
}

const table =
  'CREATE TABLE IF NOT EXISTS certificate_breaches (route TEXT NOT NULL, issued_at TEXT NOT NULL, breach TEXT NOT NULL, PRIMARY KEY (route, issued_at)) WITHOUT ROWID';

const inOrder = (texts: readonly string[]): readonly Breach[] => texts.map(text => JSON.parse(text) as Breach).sort((a, b) => a.at - b.at);

/** The breaches in this SQLite file, readable by its owner alone. */
export function sqliteBreaches(file: string): BreachStore {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 500;');
  database.exec(table);
  if (file !== ':memory:') chmodSync(file, 0o600);
  const read = database.prepare('SELECT breach FROM certificate_breaches');
  const write = database.prepare('INSERT INTO certificate_breaches VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  return {
    all: async () => inOrder(read.all().map(row => (row as { breach: string }).breach)),
    add: async breach => write.run(breach.route, breach.issuedAt, JSON.stringify(breach)).changes === 1,
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

const waitMsMax: Milliseconds = 1_000;
const key = 'hindcast:{state}:certificate-breaches';

/** The breaches in Redis: one hash, a field for each certificate. `onFailed` gets each connection error. */
export async function redisBreaches(url: string, onFailed: (problem: string) => void): Promise<BreachStore> {
  const { createClient } = await import('redis');
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: waitMsMax, reconnectStrategy: (retries: number) => Math.min(2_000, 50 * 2 ** Math.min(retries, 10)) },
  }) as unknown as RedisClientType;
  client.on('error', (error: Error) => onFailed(error.message));
  await Promise.race([client.connect(), new Promise(resolve => setTimeout(resolve, waitMsMax).unref())]).catch(() => {});
  return {
    all: async () => inOrder(Object.values(await client.hGetAll(key))),
    add: async breach => (await client.hSetNX(key, JSON.stringify([breach.route, breach.issuedAt]), JSON.stringify(breach))) === 1,
    close: async () => {
      if (client.isOpen) client.destroy();
    },
  };
}
