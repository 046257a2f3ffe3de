import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'vitest';
import { Secret } from '../../../gateway/settings/secret.ts';
import { isLocked } from '../../../recorder/files/lock.ts';
import { engineFile, ownerLockFile, readEngineAddress, spoolRoot } from '../../../recorder/files/paths.ts';
import { openStore } from '../../../recorder/process/open-store.ts';
import { openReplaySpool } from '../../../recorder/process/replay-spool.ts';
import { startRecorder } from '../../../recorder/process/supervisor.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { newId, plainExchange, temporaryFolder } from '../plain-exchange.ts';
import { engineMissing, startTestEngine, writerKey } from '../running-engine.ts';
import { settingsIn } from '../settings.ts';

const count = async (store: Store, where = '1'): Promise<number> =>
  Number((await store.select<{ n: number }>(`SELECT count() AS n FROM requests WHERE ${where}`))[0]!.n);
const options = { durability: 'process', whenFull: 'refuse', bytesMax: 1e9 } as const;
const silent = (): void => {};

async function startGateway(path: string): Promise<{ process: ChildProcess; id: string; storeUrl: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'gateway-process.ts'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return { process: child, ...(JSON.parse(line) as { id: string; storeUrl: string }) };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.skipIf(engineMissing).concurrent(`the recorder process${engineMissing}`, { timeout: 60_000 }, () => {
  it('ships what is spooled, whatever signals come, tells how it is, and leaves nothing running', async ({ expect }) => {
    using folder = temporaryFolder();
    const recorder = await startRecorder(settingsIn(folder.path), silent);
    const { pid, url } = readEngineAddress(folder.path)!;
    expect(url).toBe(recorder.storeUrl);
    expect(recorder.problem()).toBeUndefined();
    const root = spoolRoot(folder.path);
    const sink = openSpool(join(root, 'gateway-0'), { ...options, root });
    await sink.record(plainExchange());
    // These reach every process of a terminal or a service, and the gateway has not ended yet.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    const store = await openStore(settingsIn(folder.path));
    await expect.poll(() => count(store), { timeout: 10_000 }).toBe(1);
    await expect.poll(() => recorder.stats(), { timeout: 10_000 }).toMatchObject({ exchangesWritten: 1, rowsWritten: 4, queueBytes: 0 });
    // What is recorded last is shipped before the end.
    await sink.record(plainExchange());
    await sink.close();
    await store.close();
    await recorder.close();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(engineFile(folder.path))).toBe(false);
    expect(readdirSync(join(root, 'gateway-0')).filter(name => name.endsWith('.seg'))).toEqual([]);
    expect(statSync(join(folder.path, 'writer.key')).mode & 0o777).toBe(0o600);
  });

  it('is started again when it dies, and answers where it did', async ({ expect }) => {
    using folder = temporaryFolder();
    const lines: string[] = [];
    const recorder = await startRecorder(settingsIn(folder.path), line => lines.push(line));
    const store = await openStore(settingsIn(folder.path));
    const { pid, url } = readEngineAddress(folder.path)!;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => recorder.problem(), { timeout: 5_000, interval: 5 }).toMatch(/ended with SIGKILL; it is started again/);
    await expect.poll(() => recorder.problem(), { timeout: 20_000 }).toBeUndefined();
    expect(recorder.storeUrl).toBe(url);
    // The same store object continues: it finds the new engine.
    expect(await count(store)).toBe(0);
    expect(lines).toEqual([expect.stringMatching(/SIGKILL/)]);
    await store.close();
    await recorder.close();
  });

  it('ends by itself when its gateway is killed, with the last record shipped, and gives the folder free', async ({ expect }) => {
    using folder = temporaryFolder();
    const gateway = await startGateway(folder.path);
    const { pid } = readEngineAddress(folder.path)!;
    const ended = once(gateway.process, 'exit');
    gateway.process.kill('SIGKILL');
    await ended;
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    expect(isLocked(ownerLockFile(folder.path))).toBe(false);
    const store = await openStore(settingsIn(folder.path));
    expect(await count(store, `request_id = '${gateway.id}'`)).toBe(1);
    await store.close();
  });

  it('says which port is taken, and which folder', async ({ expect }) => {
    using folder = temporaryFolder();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(startRecorder(settingsIn(folder.path, { port }), silent)).rejects.toThrow(
      new RegExp(`Port ${port} on 127.0.0.1 is taken: set store.port`),
    );
    server.close();
  });
});

describe.skipIf(engineMissing).concurrent(`the store for commands${engineMissing}`, { timeout: 60_000 }, () => {
  it("is the running gateway's own, while there is one", async ({ expect }) => {
    using folder = temporaryFolder();
    const gateway = await startGateway(folder.path);
    const store = await openStore(settingsIn(folder.path));
    const ended = once(gateway.process, 'exit');
    gateway.process.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
    // The engine ended with the gateway: the command continues with one of its own.
    expect(await count(store, `request_id = '${gateway.id}'`)).toBe(1);
    await store.close();
    expect(isLocked(ownerLockFile(folder.path))).toBe(false);
  });

  it('is shared by commands that start at the same moment', async ({ expect }) => {
    using folder = temporaryFolder();
    const stores = await Promise.all([1, 2, 3].map(() => openStore(settingsIn(folder.path))));
    expect(await Promise.all(stores.map(store => count(store)))).toEqual([0, 0, 0]);
    for (const store of stores) await store.close();
    expect(isLocked(ownerLockFile(folder.path))).toBe(false);
  });
});

describe.skipIf(engineMissing).concurrent(`a replay's spool${engineMissing}`, { timeout: 60_000 }, () => {
  it('is in the store when it has settled, and leaves no folder', async ({ expect }) => {
    using folder = temporaryFolder();
    const settings = settingsIn(folder.path);
    const store = await openStore(settings);
    const spool = openReplaySpool(settings, 'run-1');
    const replays = Array.from({ length: 20 }, () => plainExchange({ run: 'run-1', replayOf: newId(), arm: 'sim/large' }));
    await Promise.all(replays.map(exchange => spool.sink.record(exchange)));
    expect(await spool.closeAndDrain()).toBe(true);
    expect(await count(store, "run_id = 'run-1'")).toBe(20);
    expect(await store.select("SELECT count() AS n FROM replay_results WHERE run_id = 'run-1'")).toEqual([{ n: 20 }]);
    expect(await store.select('SELECT count() AS n FROM usage_1m')).toEqual([{ n: 0 }]);
    expect(readdirSync(spoolRoot(folder.path)).filter(name => name.startsWith('replay'))).toEqual([]);
    await store.close();
  });
});

// One after the other: each has an engine in this process, which holds one.
describe.skipIf(engineMissing)(`a store that is a server${engineMissing}`, { timeout: 60_000 }, () => {
  it('may be away when the gateway starts: records wait, and are there when it is', async ({ expect }) => {
    using folder = temporaryFolder();
    using data = temporaryFolder();
    const before = await startTestEngine({ path: data.path });
    const port = Number(new URL(before.url).port);
    await before.close();
    const lines: string[] = [];
    const settings = settingsIn(folder.path, { url: before.url, username: 'writer', password: new Secret(writerKey) });
    const recorder = await startRecorder(settings, line => lines.push(line));
    expect(lines.join()).toMatch(/is out of reach; records wait in the spool/);
    const root = spoolRoot(folder.path);
    const sink = openSpool(join(root, 'gateway-0'), { ...options, root });
    for (let i = 0; i < 30; i++) await sink.record(plainExchange());
    await expect.poll(() => recorder.stats(), { timeout: 10_000 }).toMatchObject({ exchangesWritten: 0, queueSegments: 1 });
    expect(recorder.problem()).toBeUndefined();
    const server = await startTestEngine({ path: data.path, port });
    await expect.poll(() => count(server.writer).catch(() => 0), { timeout: 30_000 }).toBe(30);
    await sink.close();
    await recorder.close();
    await server.close();
  });

  it('that refuses the password keeps the gateway from starting, and it says why', async ({ expect }) => {
    using folder = temporaryFolder();
    const server = await startTestEngine();
    const settings = settingsIn(folder.path, { url: server.url, username: 'writer', password: new Secret('wrong') });
    await expect(startRecorder(settings, silent)).rejects.toThrow(/Authentication|password/i);
    await server.close();
  });

  it("takes a replay's spool though no gateway runs", async ({ expect }) => {
    using folder = temporaryFolder();
    const server = await startTestEngine();
    const settings = settingsIn(folder.path, { url: server.url, username: 'writer', password: new Secret(writerKey) });
    const spool = openReplaySpool(settings, 'run-2');
    await spool.sink.record(plainExchange({ run: 'run-2', replayOf: newId(), arm: 'sim/large' }));
    expect(await spool.closeAndDrain()).toBe(true);
    expect(await count(server.writer, "run_id = 'run-2'")).toBe(1);
    await server.close();
  });
});
