/** Puts a prepared request on the wire of its target: address, headers and key; or has it played where no network is needed. */

import type { Target } from './ask.ts';
import type { Warning } from './core/provider.ts';
import type { Clock } from './core/time.ts';
import { play } from './play.ts';
import type { PreparedRequest } from './question.ts';
import type { Secret } from './secret.ts';
import type { Upstream, UpstreamHandle, UpstreamListener } from './upstream.ts';

export interface Wires {
  readonly clock: Clock;
  readonly upstream: Upstream;
}

/** What of the caller's request goes on to the provider beside its body. */
export interface Passed {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly hops: number;
  /** The caller's, as they are recorded. */
  readonly headers: Readonly<Record<string, string>>;
}

export function call(
  { clock, upstream }: Wires,
  target: Target,
  prepared: PreparedRequest,
  passed: Passed,
  listener: UpstreamListener,
): UpstreamHandle {
  const { provider, baseUrl, allowPrivate } = target;
  if (provider.play) return play(provider.play(prepared, target.model), clock, listener);
  const headers = { ...headersOf(target, prepared.chat.stream, passed), ...(prepared.passes ? ownHeaders(passed, prepared.wire) : {}) };
  return upstream.send({ url: baseUrl + prepared.path, headers, body: prepared.body, allowPrivate }, listener);
}

/** Every header of a call, the key's among them. */
export function headersOf(target: Target, stream: boolean, passed: Passed): Record<string, string> {
  const { provider, key } = target;
  return {
    ...provider.headers,
    'content-type': 'application/json',
    accept: stream ? 'text/event-stream' : 'application/json',
    // What is recorded and passed on are the bytes as they came.
    'accept-encoding': 'identity',
    'user-agent': 'hindcast',
    // A base URL that leads back to a gateway would go round for ever without it.
    'x-hindcast-hop': String(passed.hops + 1),
    ...(target.trace ? traceHeaders(passed) : {}),
    ...(key ? credential(provider.auth, key) : {}),
  };
}

/** Where the caller's bytes pass, they mean what its headers say that they mean. */
function ownHeaders({ headers }: Passed, wire: string): Record<string, string> {
  if (wire !== 'anthropic-messages') return {};
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'anthropic-version' || name === 'anthropic-beta'));
}

/** A call that is not made at all: its failure comes as soon as any answer could. */
export function refuse(uncarried: readonly Warning[], listener: UpstreamListener): UpstreamHandle {
  const message = `the target cannot carry ${uncarried.map(w => w.field).join(', ')}`.slice(0, 1000);
  queueMicrotask(() => listener.failed({ kind: 'unsupported', message, param: uncarried[0]!.field }));
  return { abort: () => {}, pause: () => {}, resume: () => {} };
}

function traceHeaders({ traceparent, tracestate }: Passed): Record<string, string> {
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

function credential(auth: Target['provider']['auth'], key: Secret): Record<string, string> {
  switch (auth) {
    case 'bearer':
      return { authorization: `Bearer ${key.reveal()}` };
    case 'none':
      return {};
    default:
      return { [auth]: key.reveal() };
  }
}
