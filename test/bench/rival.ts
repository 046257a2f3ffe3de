/** What other people's gateways need to be measured: a port, and the patience until they answer. */
import { createServer } from 'node:net';
import type { Subject } from './subjects.ts';

export interface Installed {
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
export async function answers(origin: string): Promise<void> {
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
