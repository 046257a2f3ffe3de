/** Runs the real command line in a folder of its own, as a user would: `hindcast serve` and the commands beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requestFlush } from '../recorder/spool/flush-request.ts';

const main = resolve(import.meta.dirname, '../main.ts');
const readyMsMax = 60_000;

type Spawned = ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream };

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Gateway {
  readonly url: string;
  /** The store's HTTP interface. */
  readonly storeUrl: string;
  readonly pid: number;
  /** All that it has printed. */
  output(): string;
  /** Has what was recorded stored at once, not within seconds. */
  flush(): Promise<void>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A temporary folder with a configuration, in which everything runs. `await using` ends what still runs and removes it. */
export class Workspace implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hindcast-'));
  readonly #running = new Set<ChildProcess>();
  readonly #environment: Readonly<Record<string, string>>;

  /** Ports are given by the system unless the configuration names others. */
  constructor(config?: string, environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
    if (config !== undefined) this.write('hindcast.yaml', config);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** Runs a command to its end. */
  async run(...args: readonly string[]): Promise<CommandResult> {
    const child = this.#spawn(args);
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const [code] = (await once(child, 'close')) as [number | null];
    this.#running.delete(child);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** Starts a command that the test ends itself. */
  start(...args: readonly string[]): { kill(signal: NodeJS.Signals): void; readonly ended: Promise<unknown> } {
    const child = this.#spawn(args);
    child.stdout.resume();
    child.stderr.resume();
    const ended = once(child, 'close').finally(() => this.#running.delete(child));
    return { kill: signal => child.kill(signal), ended };
  }

  /** Starts `hindcast serve` and waits until it says that it is ready. */
  async serve(...args: readonly string[]): Promise<Gateway> {
    const child = this.#spawn(['serve', ...args]);
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const output = (): string => stdout() + stderr();
    const ended = once(child, 'close').then(([code]) => code as number | null);
    ended.finally(() => this.#running.delete(child));
    const url = await waitForOutput(child, output, /listens? on (http:\/\/[\d.:a-z[\]]+)/i);
    await waitUntilReady(url, ended, output);
    const { url: storeUrl } = JSON.parse(this.read('hindcast-data/engine.json')) as { url: string };
    return {
      url,
      storeUrl,
      pid: child.pid!,
      output,
      flush: () => requestFlush(join(this.folder, 'hindcast-data/spool')),
      end: signal => {
        child.kill(signal);
        return ended;
      },
    };
  }

  #spawn(args: readonly string[]): Spawned {
    const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { PATH, HOME, NODE_COMPILE_CACHE, NO_COLOR: '1', ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    return child as Spawned;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#running].map(async child => {
        const ended = once(child, 'close');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** What the pattern's group matches in the output, once it is there. */
async function waitForOutput(child: Spawned, output: () => string, pattern: RegExp): Promise<string> {
  for (;;) {
    const match = pattern.exec(output())?.[1];
    if (match) return match;
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}:\n${output()}`);
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  }
}

async function waitUntilReady(url: string, ended: Promise<unknown>, output: () => string): Promise<void> {
  const deadline = Date.now() + readyMsMax;
  let over = false;
  ended.then(() => {
    over = true;
  });
  while (!over && Date.now() < deadline) {
    if (
      await fetch(`${url}/ready`).then(
        response => response.ok,
        () => false,
      )
    )
      return;
    await new Promise(wait => setTimeout(wait, 50));
  }
  throw new Error(`serve did not become ready:\n${output()}`);
}
