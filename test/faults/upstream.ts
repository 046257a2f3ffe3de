/** A scripted upstream on real sockets. It counts calls, keeps requests, and records who closes a connection. */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The steps of one call. Bytes are raw, including status line, headers and framing. */
export type ResponseScript = readonly ScriptStep[];
export type ScriptStep =
  | { readonly send: string | Uint8Array }
  | { readonly waitMs: number }
  /** `keep` waits for the next request on the connection; `stall` neither sends nor closes. */
  | { readonly end: 'keep' | 'fin' | 'rst' | 'stall' };

export interface Call {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly at: number;
  /** Resolves when the script's last byte was written to the socket. */
  readonly performed: Promise<void>;
  /** The side that closed the connection. */
  readonly closed: Promise<'caller' | 'upstream'>;
}

export class FaultyUpstream implements AsyncDisposable {
  readonly calls: Call[] = [];
  /** The number of connections accepted. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script: ResponseScript[];
  readonly #waiting: (() => void)[] = [];

  private constructor(script: readonly ResponseScript[]) {
    this.#script = [...script];
    this.#server = createServer(socket => this.#serve(socket));
  }

  /** One script per call, in order. A call beyond the last one is answered with 500 and counted. */
  static async start(...script: readonly ResponseScript[]): Promise<FaultyUpstream> {
    const upstream = new FaultyUpstream(script);
    await new Promise<void>(resolve => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Resolves when this many calls have arrived. */
  async waitForCall(times: number): Promise<Call> {
    while (this.calls.length < times) await new Promise<void>(resolve => this.#waiting.push(resolve));
    return this.calls[times - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    let endedBy: 'caller' | 'upstream' = 'caller';
    const closed = new Promise<'caller' | 'upstream'>(resolve => {
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve(endedBy);
      });
    });
    socket.setNoDelay(true);
    socket.on('error', () => {});
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      for (let read = readRequest(received); read; read = readRequest(received)) {
        received = received.subarray(read.length);
        const nextScript = this.#script[this.calls.length] ?? unexpected;
        const performed = runScript(socket, nextScript, () => {
          endedBy = 'upstream';
        });
        this.calls.push({ ...read.request, at: performance.now(), performed, closed });
        for (const wake of this.#waiting.splice(0)) wake();
      }
    });
  }
}

/** A URL without a listener. */
export async function refusedUrl(): Promise<string> {
  const upstream = await FaultyUpstream.start();
  const { url } = upstream;
  await upstream[Symbol.asyncDispose]();
  return url;
}

const unexpected: ResponseScript = [{ send: 'HTTP/1.1 500 Unexpected\r\ncontent-length: 15\r\n\r\nunexpected call' }, { end: 'keep' }];

async function runScript(socket: Socket, script: ResponseScript, closing: () => void): Promise<void> {
  for (const step of script) {
    if (socket.destroyed) return;
    if ('waitMs' in step) await sleep(step.waitMs);
    else if ('send' in step) {
      await new Promise<void>(resolve => socket.write(Buffer.from(step.send as string), () => resolve()));
      // Lets the other side read the data before more arrives.
      await new Promise(resolve => setImmediate(resolve));
    } else if (step.end === 'fin') {
      closing();
      socket.end();
    } else if (step.end === 'rst') {
      closing();
      socket.resetAndDestroy();
    }
  }
}

interface ParsedRequest {
  readonly length: number;
  readonly request: Pick<Call, 'method' | 'path' | 'headers' | 'body'>;
}

/** The first complete request in the bytes, or undefined. Bodies have a content-length, because our client sends no other. */
function readRequest(bytes: Buffer): ParsedRequest | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const length = end + 4 + Number(headers['content-length'] ?? 0);
  if (bytes.length < length) return undefined;
  const [method = '', path = ''] = first.split(' ');
  return { length, request: { method, path, headers, body: Buffer.from(bytes.subarray(end + 4, length)) } };
}
