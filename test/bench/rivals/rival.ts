/** What other people's gateways need to be measured: a port, and the patience until they answer. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Started, stopProcess } from '../processes.ts';
import type { Running, Subject } from '../subjects.ts';

/** Cells of gateways that speak OpenAI's format to one provider; proxies that look into nothing also take large prompts and many callers. */
export const modelCells: ReadonlySet<string> = new Set(['base', 'sse', 'one', 'sse-one', 'idle']);
export const plainCells: ReadonlySet<string> = new Set([...modelCells, '200-kb', '256']);

const installMsMax = 900_000;
const run = promisify(execFile);

/** A folder outside of the product, for what is installed. */
export function freeFolder(name: string): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `hindcast-${name}-`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Puts a Python package into an environment of the folder's own; the version of it. `words` may name extras. */
export async function pipInstall(folder: string, name: string, words: string = name): Promise<string> {
  const pip = join(folder, 'bin/pip');
  await run('python3', ['-m', 'venv', folder], { timeout: installMsMax });
  await run(pip, ['install', '--quiet', words], { timeout: installMsMax });
  const { stdout } = await run(pip, ['show', name], { timeout: installMsMax });
  return /^Version: (.*)$/m.exec(stdout)?.[1] ?? 'of unknown version';
}

export interface InstalledRival {
  readonly subject: Subject;
  remove(): void;
}

const startMsMax = 60_000;

/** A port that was free a moment ago, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Resolves when something answers there, whatever it says. */
async function waitUntilListening(origin: string): Promise<void> {
  const until = performance.now() + startMsMax;
  for (;;) {
    const isThere = await fetch(origin).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    if (performance.now() > until) throw new Error(`it did not answer within ${startMsMax / 1000} s`);
    await new Promise(wait => setTimeout(wait, 50));
  }
}

/** Once it answers there. `more` says how it is called. */
export async function runningRival({ child }: Started, origin: string, logFile: string, more: Partial<Running>): Promise<Running> {
  await waitUntilListening(origin);
  return {
    origin,
    pid: child.pid!,
    pathOf: () => '/v1/chat/completions',
    headersOf: () => ({}),
    log: () => readFileSync(logFile, 'utf8').slice(-1_000),
    end: () => stopProcess(child),
    ...more,
  };
}
