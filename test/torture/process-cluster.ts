/** The processes that torture starts and kills: a gateway with its recorder, and a store beside it or within. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEngineAddress, spoolRoot } from '../../recorder/files/paths.ts';
import { requestFlush } from '../../recorder/spool/flush-request.ts';
import { connect, type Store } from '../../recorder/store/store.ts';

const main = resolve(import.meta.dirname, '../../main.ts');
const engineProgram = join(import.meta.dirname, 'engine-process.ts');
const writerKey = 'a-key-of-the-torture';
const startMsMax = 60_000;

export interface ProcessClusterOptions {
  /** `apart`: the store is a process of its own, reached over HTTP. */
  readonly store: 'embedded' | 'apart';
  /** Folder of the spool; by default beside everything else. */
  readonly storePath?: string;
  readonly recorder?: string;
  readonly log: (line: string) => void;
}

export class ProcessCluster implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hindcast-torture-'));
  readonly storePath: string;
  readonly options: ProcessClusterOptions;
  /** Where the gateway listens now; undefined while there is none. */
  url: string | undefined;
  #gateway: ChildProcess | undefined;
  #engine: ChildProcess | undefined;
  #enginePort = 0;

  constructor(options: ProcessClusterOptions) {
    this.options = options;
    this.storePath = options.storePath ?? join(this.folder, 'data');
    mkdirSync(this.storePath, { recursive: true });
  }

  async start(): Promise<void> {
    const { store, recorder = '' } = this.options;
    this.#enginePort = store === 'apart' ? await freePort() : 0;
    const place =
      store === 'embedded'
        ? `url: embedded, port: 0`
        : `url: "http://127.0.0.1:${this.#enginePort}", username: writer, password: ${writerKey}`;
    const config = `server: { port: 0 }\nproviders: { sim: { api: simulated } }\nstore: { ${place}, path: ${JSON.stringify(this.storePath)} }\nrecorder: { ${recorder} }\n`;
    writeFileSync(join(this.folder, 'hindcast.yaml'), config);
    if (store === 'apart') await this.startEngine();
    await this.startGateway();
  }

  async startGateway(): Promise<void> {
    const child = this.#spawn([main, 'serve']);
    this.#gateway = child;
    child.once('exit', () => {
      if (this.#gateway === child) this.url = undefined;
    });
    this.url = await waitForOutput(child, /listens? on (http:\/\/[\d.:]+)/i);
    // A recorder that does not even start is told to the operator and ends the gateway: it is killed when it is at work.
    for (const deadline = Date.now() + startMsMax; ; await sleep(50)) {
      if (
        await fetch(`${this.url}/ready`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      if (!this.url || Date.now() > deadline) throw new Error('the gateway did not become ready');
    }
  }

  async startEngine(): Promise<void> {
    const child = this.#spawn([engineProgram, join(this.folder, 'engine'), String(this.#enginePort), writerKey]);
    this.#engine = child;
    await waitForOutput(child, /^(http:\S+)/m);
  }

  get gatewayPid(): number | undefined {
    return this.#gateway?.pid;
  }

  /** The recorder that the gateway has now: its only child. */
  recorderPid(): number | undefined {
    if (this.options.store === 'embedded') return readEngineAddress(this.storePath)?.pid;
    const pid = this.#gateway?.pid;
    try {
      return pid === undefined
        ? undefined
        : Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]) || undefined;
    } catch {
      return undefined;
    }
  }

  async kill(who: 'gateway' | 'recorder' | 'engine'): Promise<boolean> {
    if (who === 'recorder') {
      const pid = this.recorderPid();
      if (pid === undefined) return false;
      try {
        process.kill(pid, 'SIGKILL');
        return true;
      } catch {
        return false;
      }
    }
    const child = who === 'gateway' ? this.#gateway : this.#engine;
    if (!child || child.exitCode !== null || child.signalCode !== null) return false;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    return true;
  }

  /** Asks the store as its writer, with patience: it may just be starting again. */
  async store(): Promise<Store> {
    for (const deadline = Date.now() + startMsMax; ; await sleep(100)) {
      const place = this.options.store === 'embedded' ? readEngineAddress(this.storePath)?.url : `http://127.0.0.1:${this.#enginePort}`;
      const password = this.options.store === 'embedded' ? readKey(this.storePath) : writerKey;
      if (place && password) {
        const store = connect({ url: place, username: 'writer', password });
        if (
          await store.select('SELECT 1').then(
            () => true,
            () => false,
          )
        )
          return store;
        await store.close();
      }
      if (Date.now() > deadline) throw new Error('the store does not answer');
    }
  }

  /** Segments that have not reached the store. */
  unshipped(): number {
    const names = readdirSync(spoolRoot(this.storePath), { recursive: true, encoding: 'utf8' });
    return names.filter(name => /\.(?:seg|open)$/.test(name)).length;
  }

  async drained(msMax: number): Promise<boolean> {
    await requestFlush(spoolRoot(this.storePath));
    for (const deadline = Date.now() + msMax; this.unshipped() > 0; await sleep(50)) if (Date.now() > deadline) return false;
    return true;
  }

  #spawn(args: readonly string[]): ChildProcess {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [...args], {
      cwd: this.folder,
      env: { PATH, HOME, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.trim().split('\n')) this.options.log(line);
      });
    }
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#gateway, this.#engine]) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const forceTimer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(forceTimer);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

const readKey = (path: string): string => {
  try {
    return readFileSync(join(path, 'writer.key'), 'utf8').trim();
  } catch {
    return '';
  }
};

/** What the pattern's group matches in the output, once it is there. */
async function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  const collect = (chunk: string): void => {
    text += chunk;
  };
  child.stdout!.on('data', collect);
  try {
    for (const until = Date.now() + startMsMax; ; await sleep(20)) {
      const found = pattern.exec(text)?.[1];
      if (found) return found;
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > until) throw new Error(`it did not start: ${text}`);
    }
  } finally {
    child.stdout!.off('data', collect);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
