/** How soon a provider sees that its response is no longer needed: callers that leave in the middle of a stream, one after another. */
import { connect } from 'node:net';
import { idle, requestBodies } from './cells.ts';
import type { Running } from './subjects.ts';

export const callers = 50;
const waitMsMax = 5_000;

/** Milliseconds from the caller's leaving to the upstream's hearing of it, of each caller; ends with Infinity where it never did. */
export async function cancellationMs(running: Running, upstream: string): Promise<readonly number[]> {
  const figures: number[] = [];
  // Whoever does not tell once is not waited for fifty times.
  for (let n = 0; n < callers && figures.at(-1) !== Number.POSITIVE_INFINITY; n++) figures.push(await cancelOne(running, upstream));
  return figures;
}

async function cancelOne(running: Running, upstream: string): Promise<number> {
  const { hostname, port } = new URL(running.origin);
  const body = requestBodies(running.modelOf ? { ...idle, model: running.modelOf(idle) } : idle)[0]!;
  const headers = {
    host: hostname,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...running.headersOf(idle),
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(
    Number(port),
    hostname,
    () => void socket.write(`POST ${running.pathOf(idle)} HTTP/1.1\r\n${head.join('')}\r\n${body}`),
  );
  await new Promise<void>((resolve, reject) => {
    let text = '';
    socket.once('close', () => reject(new Error('the connection ended before the stream began')));
    socket.once('error', reject).on('data', chunk => {
      text += String(chunk);
      if (text.includes('data: ')) resolve();
      else if (!/^HTTP\/1.1 200|^.{0,12}$/.test(text)) reject(new Error(`no stream: ${text.slice(0, 200)}`));
    });
  });
  const disconnectedAt = performance.timeOrigin + performance.now();
  socket.destroy();
  const until = performance.now() + waitMsMax;
  while (performance.now() < until) {
    const [givenUpAt] = (await (await fetch(`${upstream}/given-up`)).json()) as readonly number[];
    if (givenUpAt !== undefined) return Math.max(0, givenUpAt - disconnectedAt);
    await new Promise(wait => setTimeout(wait, 5));
  }
  return Number.POSITIVE_INFINITY;
}
