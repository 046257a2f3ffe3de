/** What other people's gateways need to be measured: a port, and the patience until they answer. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { type Started, stopProcess } from './processes.ts';
import type { Running, Subject } from './subjects.ts';

export interface InstalledCompetitor {
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

/** Once it answers: its URL, its headers, and how it ends. */
export async function runningCompetitor(
  { child }: Started,
  port: number,
  logFile: string,
  headersOf: Running['headersOf'],
): Promise<Running> {
  const origin = `http://127.0.0.1:${port}`;
  await waitUntilListening(origin);
  return {
    origin,
    pid: child.pid!,
    pathOf: () => '/v1/chat/completions',
    headersOf,
    log: () => readFileSync(logFile, 'utf8').slice(-1_000),
    end: () => stopProcess(child),
  };
}
