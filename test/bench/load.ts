/** The load generator, a process of its own: so many callers at once, each on a connection of its own, asking again as soon as it is answered. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LoadOrder {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: readonly string[];
  readonly concurrency: number;
  readonly requests: number;
}

export interface LoadReport {
  readonly seconds: number;
  readonly answered: number;
  /** Answers that were not 200, by status, and connections that broke; with the first one's words. */
  readonly failed: number;
  readonly firstFailure: string | undefined;
  /** Milliseconds of each request that was answered: to the first byte of the body, and to the last. */
  readonly firstByteMs: readonly number[];
  readonly wholeMs: readonly number[];
}

interface Answer {
  readonly status: number;
  readonly firstByteMs: number;
  readonly wholeMs: number;
  readonly text: string;
}

/** Asks once and resolves at the answer's last byte. Knows no more of HTTP than the subjects' answers need. */
function exchange(socket: Socket, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let text = '';
    let bodyAt = -1;
    let firstByteMs = 0;
    let isWhole = (): boolean => false;
    const onData = (chunk: string): void => {
      text += chunk;
      if (bodyAt < 0) {
        const headEnd = text.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        bodyAt = headEnd + 4;
        const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1];
        isWhole = length === undefined ? () => text.endsWith('0\r\n\r\n') : () => text.length - bodyAt >= Number(length);
      }
      if (firstByteMs === 0 && text.length > bodyAt) firstByteMs = performance.now() - startedAt;
      if (isWhole()) done(() => resolve({ status: Number(text.slice(9, 12)), firstByteMs, wholeMs: performance.now() - startedAt, text }));
    };
    const onEnd = (): void => done(() => reject(new Error('the connection ended before the answer did')));
    const done = (settle: () => void): void => {
      socket.off('data', onData).off('close', onEnd);
      settle();
    };
    socket.on('data', onData).once('close', onEnd);
    socket.write(request);
  });
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const { hostname, port } = new URL(order.origin);
  const requests = order.bodies.map(body => requestBytes(order, body));
  const [firstByteMs, wholeMs]: [number[], number[]] = [[], []];
  let [sent, failed] = [0, 0];
  let firstFailure: string | undefined;
  const fail = (what: string): void => {
    failed++;
    firstFailure ??= what.slice(0, 1_000);
  };
  const caller = async (): Promise<void> => {
    let socket: Socket | undefined;
    while (sent < order.requests) {
      const request = requests[sent++ % requests.length]!;
      try {
        if (!socket || socket.destroyed) socket = await opened(hostname, Number(port));
        const answer = await exchange(socket, request);
        if (answer.status !== 200 || /\ndata: \{"error"/.test(answer.text)) fail(answer.text);
        firstByteMs.push(answer.firstByteMs);
        wholeMs.push(answer.wholeMs);
        // Some end a connection after so many requests, and say so.
        if (/\r\nconnection: close\r\n/i.test(answer.text.slice(0, 1_000))) socket.destroy();
      } catch (error) {
        fail(String(error));
      }
    }
    socket?.destroy();
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: order.concurrency }, caller));
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, answered: order.requests - failed, failed, firstFailure, firstByteMs, wholeMs };
}

async function opened(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  // Answers are ASCII, and a broken connection shows as its close.
  return socket.setEncoding('latin1').on('error', () => {});
}

function requestBytes({ origin, path, headers }: LoadOrder, body: string): Buffer {
  const all = { host: new URL(origin).host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

process.on('message', async (order: LoadOrder) => process.send!(await run(order)));
process.on('disconnect', () => process.exit());
