/** One HTTP call to a provider: undici's dispatch, one pool per origin, bytes and status out, every fault as a Failure. */
import { type Dispatcher, Pool } from 'undici';
import type { Failure } from '../core/shared/failure.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import { isPrivateHost, publicLookup } from './address-guard.ts';
import { decodingListener } from './decode-response.ts';

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

/** A call in flight. No event follows `abort`. */
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
/** To one origin. A stream holds its connection until its end, so this is how many streams one provider can have open here. */
const connectionsMaxDefault = 4_096;
const bodyBytesMax = 64 * 1024 * 1024;

interface OriginPool {
  readonly pool: Pool;
  /** Calls under way. */
  inFlight: number;
}

export function httpUpstream(connectionsMax = connectionsMaxDefault): Upstream {
  const pools = new Map<string, OriginPool>();
  const parsedUrls = new Map<string, ParsedUrl>();
  // Most calls go where the one before went.
  let lastUrl = '';
  let last!: ParsedUrl;
  const poolOf = (origin: string, allowPrivate: boolean): OriginPool => {
    const key = `${allowPrivate} ${origin}`;
    let existing = pools.get(key);
    if (!existing) {
      const pool = new Pool(origin, {
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
      existing = { pool, inFlight: 0 };
      pools.set(key, existing);
    }
    return existing;
  };
  return {
    send: (call, listener) => {
      const parsed = call.url === lastUrl ? last : (parsedUrls.get(call.url) ?? parseUrl(call.url));
      if (parsed !== last) {
        putLruEntry(parsedUrls, call.url, parsed, parsedUrlsMax);
        [lastUrl, last] = [call.url, parsed];
      }
      if (!call.allowPrivate && parsed.isPrivate) {
        return rejectCall(listener, { kind: 'unreachable', message: 'private addresses need allow_private: true' });
      }
      const place = call.allowPrivate ? 'anyPool' : 'publicPool';
      parsed[place] ??= poolOf(parsed.origin, call.allowPrivate);
      const connections = parsed[place];
      // It would wait, unseen, until some other answer ends: another target, or a word to the caller, is better.
      if (connections.inFlight >= connectionsMax) {
        return rejectCall(listener, { kind: 'overloaded', message: `all ${connectionsMax} connections to ${parsed.origin} are in use` });
      }
      return dispatch(connections, parsed.path, call, listener);
    },
    close: async () => {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

/** The parts of a URL, which are few however many calls are made. */
interface ParsedUrl {
  readonly origin: string;
  readonly path: string;
  readonly isPrivate: boolean;
  /** Of its origin, once it was called: with and without private addresses. */
  anyPool?: OriginPool;
  publicPool?: OriginPool;
}

const parsedUrlsMax = 1_000;

function parseUrl(address: string): ParsedUrl {
  const { origin, hostname, pathname, search } = new URL(address);
  return { origin, path: pathname + search, isPrivate: isPrivateHost(hostname) };
}

function rejectCall(listener: UpstreamListener, failure: Failure): UpstreamHandle {
  queueMicrotask(() => listener.failed(failure));
  return { abort: () => {}, pause: () => {}, resume: () => {} };
}

function dispatch(connections: OriginPool, path: string, call: UpstreamCall, listener: UpstreamListener): UpstreamHandle {
  const dispatched = new DispatchedCall(connections, listener);
  connections.inFlight++;
  connections.pool.dispatch(
    { method: call.method ?? 'POST', path, headers: call.headers, body: (call.body as string | undefined) ?? null },
    dispatched,
  );
  return dispatched;
}

/** Forwards undici's events of one call to its listener until the end or the abort. */
class DispatchedCall implements UpstreamHandle, Dispatcher.DispatchHandler {
  readonly #connections: OriginPool;
  #listener: UpstreamListener;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #isEnded = false;

  constructor(connections: OriginPool, listener: UpstreamListener) {
    this.#connections = connections;
    this.#listener = listener;
  }

  abort(): void {
    this.#endOnce();
    this.#controller?.abort(new Error('no longer needed'));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isEnded) this.abort();
  }

  onResponseStart(_: unknown, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (status < 200) return; // 100 Continue and the like are no answer
    this.#status = status;
    if (this.#isEnded) return;
    const flat = flattenHeaders(headers);
    if (flat['content-encoding'] !== undefined) this.#listener = decodingListener(this.#listener, flat);
    this.#listener.headers(status, flat);
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    if (!this.#isEnded) this.#listener.chunk(chunk);
  }

  onResponseEnd(): void {
    if (this.#endOnce()) this.#listener.end();
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#endOnce()) this.#listener.failed(failureOf(error, this.#status));
  }

  #endOnce(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.#connections.inFlight--;
    return true;
  }
}

/** undici gives names in lower case; several values of one name are joined. */
function flattenHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Readonly<Record<string, string>> {
  for (const name in headers) if (typeof headers[name] !== 'string') return joinValues(headers);
  return headers as Readonly<Record<string, string>>;
}

function joinValues(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}

/** A fault of the connection: before the headers nothing was answered, after them the answer was cut. */
function failureOf(error: Error & { code?: string }, status: number): Failure {
  const code = error.code ?? error.name;
  const message = `${code}: ${error.message}`.slice(0, 300);
  const details = { message, code, ...(status > 0 ? { status } : {}) };
  const isMalformed = error.name === 'HTTPParserError' || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW';
  if (isMalformed) return { kind: 'invalid-response', ...details };
  return status > 0 ? { kind: 'truncated', ...details } : { kind: 'unreachable', ...details };
}
