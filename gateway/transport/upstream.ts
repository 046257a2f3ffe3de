/** One HTTP call to a provider: undici's dispatch, one pool per origin, bytes and status out, every fault as a Failure. */
import { type Dispatcher, Pool } from 'undici';
import type { Failure } from '../core/failure.ts';
import { putLatest } from '../core/latest.ts';
import { isPrivateHost, publicLookup } from './dial.ts';

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
/** To one origin. A stream holds its connection until its end, so this is how many streams one provider can have open here. */
const connectionsMaxDefault = 4_096;
const bodyBytesMax = 64 * 1024 * 1024;

interface Connections {
  readonly pool: Pool;
  /** Calls under way. */
  busy: number;
}

export function httpUpstream(connectionsMax = connectionsMaxDefault): Upstream {
  const pools = new Map<string, Connections>();
  const places = new Map<string, Place>();
  const poolOf = (origin: string, allowPrivate: boolean): Connections => {
    const key = `${allowPrivate} ${origin}`;
    let known = pools.get(key);
    if (!known) {
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
      known = { pool, busy: 0 };
      pools.set(key, known);
    }
    return known;
  };
  return {
    send: (call, listener) => {
      const place = places.get(call.url) ?? placeOf(call.url);
      putLatest(places, call.url, place, placesMax);
      if (!call.allowPrivate && place.isPrivate) {
        return refused(listener, { kind: 'unreachable', message: 'private addresses need allow_private: true' });
      }
      const connections = poolOf(place.origin, call.allowPrivate);
      // It would wait, unseen, until some other answer ends: another target, or a word to the caller, is better.
      if (connections.busy >= connectionsMax) {
        return refused(listener, { kind: 'overloaded', message: `all ${connectionsMax} connections to ${place.origin} are in use` });
      }
      return dispatch(connections, place.path, call, listener);
    },
    close: async () => {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

/** The parts of a URL, which are few however many calls are made. */
interface Place {
  readonly origin: string;
  readonly path: string;
  readonly isPrivate: boolean;
}

const placesMax = 1_000;

function placeOf(address: string): Place {
  const { origin, hostname, pathname, search } = new URL(address);
  return { origin, path: pathname + search, isPrivate: isPrivateHost(hostname) };
}

function refused(listener: UpstreamListener, failure: Failure): UpstreamHandle {
  queueMicrotask(() => listener.failed(failure));
  return { abort: () => {}, pause: () => {}, resume: () => {} };
}

function dispatch(connections: Connections, path: string, call: UpstreamCall, listener: UpstreamListener): UpstreamHandle {
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let over = false;
  const isOverNow = (): boolean => {
    if (over) return false;
    over = true;
    connections.busy--;
    return true;
  };
  const abort = (): void => {
    isOverNow();
    controller?.abort(new Error('no longer needed'));
  };
  connections.busy++;
  connections.pool.dispatch(
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
        if (isOverNow()) listener.end();
      },
      onResponseError: (_, error) => {
        if (isOverNow()) listener.failed(failureOf(error as Error & { code?: string }, status));
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
