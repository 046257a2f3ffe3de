import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readEngineAddress, spoolRoot } from '../../../recorder/files/paths.ts';
import { openStore } from '../../../recorder/process/open-store.ts';
import { startRecorder } from '../../../recorder/process/supervisor.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { temporaryFolder } from '../plain-exchange.ts';
import { engineMissing } from '../running-engine.ts';
import { settingsIn } from '../settings.ts';

const rounds = process.env.HINDCAST_LONG ? 25 : 4;
const seed = process.env.HINDCAST_SEED ?? 'kill';

interface Writer {
  readonly process: ChildProcess;
  /** Ids that were sealed, as far as they are read. */
  readonly sealed: string[];
}

function startWriter(root: string): Writer {
  const program = join(import.meta.dirname, 'writer-process.ts');
  const child = spawn(process.execPath, [program, join(root, 'gateway-0'), root], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const sealed: string[] = [];
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    sealed.push(...lines);
  });
  return { process: child, sealed };
}

/** At once, or in the middle of an insert: when the engine notes its token. False when there is none at work. */
async function killRecorder(path: string, inInsert: boolean): Promise<boolean> {
  const pid = readEngineAddress(path)?.pid;
  if (pid === undefined) return false;
  const stop = new AbortController();
  if (inInsert) {
    const noted = logFolders(path).map(async log => {
      for await (const _ of watch(log, { signal: stop.signal })) return;
    });
    await Promise.race([Promise.any(noted), sleep(5_000)]).catch(() => {});
  }
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  } finally {
    stop.abort();
  }
}

const logFolders = (path: string): string[] =>
  readdirSync(join(path, 'engine', 'store'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('/deduplication_logs'))
    .map(name => join(path, 'engine', 'store', name));

const unshipped = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => /\.(seg|open)$/.test(name));

async function idsIn(store: Store, table: string, where: string): Promise<readonly string[]> {
  return (await store.select<{ id: string }>(`SELECT toString(request_id) AS id FROM ${table} WHERE ${where}`)).map(({ id }) => id);
}

describe.skipIf(engineMissing)(`kill -9${engineMissing}`, () => {
  it(`of writer and recorder, ${rounds} times at any moment: what was sealed is in the store exactly once`, {
    timeout: 30_000 + rounds * 20_000,
  }, async ({ onTestFailed }) => {
    const lines: string[] = [];
    onTestFailed(() => console.error(`HINDCAST_SEED=${seed}\n${lines.join('\n')}`));
    using folder = temporaryFolder();
    const root = spoolRoot(folder.path);
    const recorder = await startRecorder(settingsIn(folder.path), line => lines.push(line));
    const sealed: string[] = [];
    let recordersKilled = 0;
    for (let round = 0; round < rounds; round++) {
      const writer = startWriter(root);
      await expect.poll(() => writer.sealed.length, { timeout: 20_000 }).toBeGreaterThan(10);
      await sleep(1_200 * seededUniform(seed, `moment ${round}`));
      if (round % 2 === 1) recordersKilled += Number(await killRecorder(folder.path, round % 4 === 1));
      const closed = once(writer.process, 'close');
      writer.process.kill('SIGKILL');
      await closed;
      sealed.push(...writer.sealed);
    }
    // Also without its writer and without its first recorder, everything finds its way.
    await expect.poll(() => unshipped(root), { timeout: 60_000, interval: 100 }).toEqual([]);
    expect(recordersKilled).toBeGreaterThan(0);
    expect(recorder.stats()).toMatchObject({ rejected: 0, corrupt: 0 });
    expect(await recorder.flush()).toBe(true);
    const store = await openStore(settingsIn(folder.path));
    const stored = await idsIn(store, 'requests', '1');
    const count = new Map<string, number>();
    for (const id of stored) count.set(id, (count.get(id) ?? 0) + 1);
    expect(sealed.filter(id => count.get(id) !== 1)).toEqual([]);
    expect(new Set(stored).size).toBe(stored.length);
    const complete = new Set(stored);
    for (const [table, where] of [
      ['attempts', '1'],
      ['payloads', 'attempt_no = 0'],
      ['payloads', 'attempt_no = 1'],
    ] as const) {
      const ids = await idsIn(store, table, where);
      expect(ids.length, table).toBe(stored.length);
      expect(new Set(ids), table).toEqual(complete);
    }
    // Sums do not forgive what a merge would hide.
    const [sums] = await store.select<{ requests: number }>('SELECT sum(requests) AS requests FROM usage_1m');
    expect(Number(sums!.requests)).toBe(stored.length);
    await store.close();
    await recorder.close();
  });
});
