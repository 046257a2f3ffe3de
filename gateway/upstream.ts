/** One HTTP call to a provider: undici's dispatch, one pool per origin, bytes and status out, every fault as a Failure. */
import { type Dispatcher, Pool } from 'undici';
import type { Failure } from './core/failure.ts';
import { isPrivateHost, publicLookup } from './upstream/dial.ts';

export interface UpstreamCall {
  /** POST when absent. */
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for calls that send none. */
  readonly body?: string | Uint8Array;
  readonly allowPrivate: boolean;
}

export interface UpstreamListener {
  /** Names are lower-case; several values of one name are joined by a comma. */
  headers(status: number, headers: Readonly<Record<string, string>>): void;
  chunk(bytes: Uint8Array): void;
  end(): void;
  failed(failure: Failure): void;
}

/** A call under way. Nothing is heard of it after `abort`. */
export interface UpstreamHandle {
  abort(): void;
  pause(): void;
  resume(): void;
}

export interface Upstream {
  send(call: UpstreamCall, listener: UpstreamListener): UpstreamHandle;
  close(): Promise<void>;
}

const connectTimeoutMs = 3_000;
const connectionsMax = 512;
const bodyBytesMax = 64 * 1024 * 1024;

export function httpUpstream(): Upstream {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string, allowPrivate: boolean): Pool => {
    const key = `${allowPrivate} ${origin}`;
    let pool = pools.get(key);
    if (!pool) {
      pool = new Pool(origin, {
        connections: connectionsMax,
        // One call at a time on a connection: to abort a call is to close its connection, and disturbs no other.
        pipelining: 1,
        allowH2: false,
        // The route's timers and the attempt's idle timer decide; undici's own would cut long answers.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxResponseSize: bodyBytesMax,
        connect: { timeout: connectTimeoutMs, ...(allowPrivate ? {} : { lookup: publicLookup }) },
      });
      pools.set(key, pool);
    }
    return pool;
  };
  return {
    send: (call, listener) => {
      const url = new URL(call.url);
      if (!call.allowPrivate && isPrivateHost(url.hostname)) {
        queueMicrotask(() => listener.failed({ kind: 'unreachable', message: 'private addresses need allow_private: true' }));
        return { abort: () => {}, pause: () => {}, resume: () => {} };
      }
      return dispatch(poolOf(url.origin, call.allowPrivate), url.pathname + url.search, call, listener);
    },
    close: async () => {
      await Promise.all([...pools.values()].map(pool => pool.destroy()));
    },
  };
}

function dispatch(pool: Pool, path: string, call: UpstreamCall, listener: UpstreamListener): UpstreamHandle {
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let over = false;
  const abort = (): void => {
    over = true;
    controller?.abort(new Error('no longer needed'));
  };
  pool.dispatch(
    { method: call.method ?? 'POST', path, headers: call.headers, body: (call.body as string | undefined) ?? null },
    {
      onRequestStart: started => {
        controller = started;
        if (over) abort();
      },
      onResponseStart: (_, responseStatus, headers) => {
        if (responseStatus < 200) return; // 100 Continue and the like are no answer
        status = responseStatus;
        if (!over) listener.headers(status, flat(headers));
      },
      onResponseData: (_, chunk) => {
        if (!over) listener.chunk(chunk);
      },
      onResponseEnd: () => {
        if (over) return;
        over = true;
        listener.end();
      },
      onResponseError: (_, error) => {
        if (over) return;
        over = true;
        listener.failed(failureOf(error as Error & { code?: string }, status));
      },
    },
  );
  return { abort, pause: () => controller?.pause(), resume: () => controller?.resume() };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}

/** A fault of the connection: before the headers nothing was answered, after them the answer was cut. */
function failureOf(error: Error & { code?: string }, status: number): Failure {
  const code = error.code ?? error.name;
  const message = `${code}: ${error.message}`.slice(0, 300);
  const named = { message, code, ...(status > 0 ? { status } : {}) };
  const isNonsense = error.name === 'HTTPParserError' || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW';
  if (isNonsense) return { kind: 'invalid-response', ...named };
  return status > 0 ? { kind: 'truncated', ...named } : { kind: 'unreachable', ...named };
}
