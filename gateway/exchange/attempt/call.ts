import type { Provider, Warning } from '../../core/chat/provider.ts';
import type { Clock } from '../../core/shared/time.ts';
import type { Secret } from '../../settings/secret.ts';
import { authenticateCall } from '../../transport/authenticate-call.ts';
import { simulatedTransport } from '../../transport/simulated-transport.ts';
import type { Upstream, UpstreamHandle, UpstreamListener } from '../../transport/upstream.ts';
import type { PreparedRequest, Target } from '../contract.ts';

export interface CallPorts {
  readonly clock: Clock;
  readonly upstream: Upstream;
}

/** What of the caller's request goes on to the provider beside its body. */
export interface PropagatedContext {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly hops: number;
  /** The caller's, as they are recorded. */
  readonly headers: Readonly<Record<string, string>>;
}

export function callTarget(
  { clock, upstream }: CallPorts,
  target: Target,
  prepared: PreparedRequest,
  propagated: PropagatedContext,
  listener: UpstreamListener,
): UpstreamHandle {
  const { provider, allowPrivate } = target;
  if (provider.simulate) return simulatedTransport(provider.simulate(prepared, target.model), clock, listener);
  const headers = {
    ...headersOf(target, prepared.chat.stream, propagated),
    ...(prepared.isVerbatim ? callerHeaders(propagated, prepared.wire) : {}),
  };
  const url = urlOf(target, prepared.path);
  const send = (authHeaders: HeaderFields): UpstreamHandle =>
    upstream.send({ url, headers: { ...headers, ...authHeaders }, body: prepared.body, allowPrivate }, listener);
  const authHeaders = authenticateCall(target, { url, body: prepared.body, headers }, clock.now());
  return authHeaders instanceof Promise ? afterAuthentication(authHeaders, send, listener) : send(authHeaders);
}

/** Where a call goes. */
export function urlOf({ baseUrl, query }: Target, path: string): string {
  if (query === undefined) return baseUrl + path;
  return `${baseUrl}${path}${path.includes('?') ? '&' : '?'}${query}`;
}

/** A call that waits for its token. */
function afterAuthentication(
  authHeaders: Promise<HeaderFields>,
  send: (proof: HeaderFields) => UpstreamHandle,
  listener: UpstreamListener,
): UpstreamHandle {
  let handle: UpstreamHandle | undefined;
  let isAborted = false;
  let isPaused = false;
  authHeaders.then(
    headers => {
      if (isAborted) return;
      handle = send(headers);
      if (isPaused) handle.pause();
    },
    (problem: unknown) => {
      const message = problem instanceof Error ? problem.message.slice(0, 1000) : String(problem);
      if (!isAborted) listener.failed({ kind: 'authentication', message: `no token: ${message}` });
    },
  );
  return {
    abort: () => {
      isAborted = true;
      handle?.abort();
    },
    pause: () => {
      isPaused = true;
      handle?.pause();
    },
    resume: () => {
      isPaused = false;
      handle?.resume();
    },
  };
}

type HeaderFields = Readonly<Record<string, string>>;

const streamTypes: Readonly<Record<Provider['framing'], string>> = {
  sse: 'text/event-stream',
  'aws-eventstream': 'application/vnd.amazon.eventstream',
};

/** Every header of a call, the key's among them; what proves the call itself, a signature or a token, is added when it is made. */
export function headersOf(target: Target, stream: boolean, propagated: PropagatedContext): Record<string, string> {
  const { provider, key } = target;
  return {
    ...provider.headers,
    ...(stream ? provider.streamHeaders : {}),
    'content-type': 'application/json',
    accept: stream ? streamTypes[provider.framing] : 'application/json',
    // What is recorded and passed on are the bytes as they came.
    'accept-encoding': 'identity',
    'user-agent': 'hindcast',
    // A base URL that leads back to a gateway would go round for ever without it.
    'x-hindcast-hop': String(propagated.hops + 1),
    ...(target.trace ? traceHeaders(propagated) : {}),
    ...(key ? credentialHeaders(provider.auth, key) : {}),
  };
}

/** Where the caller's bytes pass, they mean what its headers say that they mean. */
function callerHeaders({ headers }: PropagatedContext, wire: string): Record<string, string> {
  if (wire !== 'anthropic-messages') return {};
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'anthropic-version' || name === 'anthropic-beta'));
}

/** A call that is not made at all: its failure comes as soon as any answer could. */
export function rejectUnsupported(unsupported: readonly Warning[], listener: UpstreamListener): UpstreamHandle {
  const message = `the target cannot carry ${unsupported.map(w => w.field).join(', ')}`.slice(0, 1000);
  queueMicrotask(() => listener.failed({ kind: 'unsupported', message, param: unsupported[0]!.field }));
  return { abort: () => {}, pause: () => {}, resume: () => {} };
}

function traceHeaders({ traceparent, tracestate }: PropagatedContext): Record<string, string> {
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

function credentialHeaders(auth: Target['provider']['auth'], key: Secret): Record<string, string> {
  switch (auth) {
    case 'bearer':
      return { authorization: `Bearer ${key.reveal()}` };
    case 'none':
    case 'aws':
    case 'google':
      return {};
    default:
      return { [auth]: key.reveal() };
  }
}
