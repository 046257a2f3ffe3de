import type { Provider, Warning } from '../../core/chat/provider.ts';
import { blockingWarnings } from '../../core/chat/request-loss.ts';
import type { Clock } from '../../core/shared/time.ts';
import type { Secret } from '../../settings/secret.ts';
import { authenticateCall, noAuthHeaders } from '../../transport/authenticate-call.ts';
import { simulatedTransport } from '../../transport/simulated-transport.ts';
import type { Upstream, UpstreamHandle, UpstreamListener } from '../../transport/upstream.ts';
import type { PreparedRequest, RoutedRequest, Target } from '../contract.ts';

export interface CallPorts {
  readonly clock: Clock;
  readonly upstream: Upstream;
}

/** Headers of the caller's request that are forwarded to the provider. */
export interface PropagatedContext {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly hops: number;
  /** The caller's, as they are recorded. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One attempt's call: target, request and span. */
export interface AttemptCall {
  readonly target: Target;
  readonly prepared: PreparedRequest;
  /** `prepared.body` as UTF-8. */
  readonly body: Buffer;
  readonly spanId: string;
}

/** Makes the call, unless the request has a field that the target cannot carry and the route requires. */
export function sendAttempt(ports: CallPorts, request: RoutedRequest, call: AttemptCall, listener: UpstreamListener): UpstreamHandle {
  const { onUnsupported, trace, propagatedTrace = { isSampled: true, state: '' }, hops = 0, headers } = request;
  const unsupported = blockingWarnings(call.prepared.warnings, onUnsupported);
  if (unsupported.length > 0) return rejectUnsupported(unsupported, listener);
  const traceparent = `00-${trace.traceId}-${call.spanId}-${propagatedTrace.isSampled ? '01' : '00'}`;
  return callTarget(ports, call, { traceparent, tracestate: propagatedTrace.state, hops, headers }, listener);
}

function callTarget(
  { clock, upstream }: CallPorts,
  { target, prepared, body }: AttemptCall,
  propagated: PropagatedContext,
  listener: UpstreamListener,
): UpstreamHandle {
  const { provider, allowPrivate } = target;
  if (provider.simulate) return simulatedTransport(provider.simulate(prepared, target.model), clock, listener);
  const headers = constantHeaders(target, prepared, propagated) ?? headersFor(target, prepared, propagated);
  const url = constantUrl(target, prepared.path);
  const authHeaders = authenticateCall(target, { url, body, headers }, clock.now());
  if (authHeaders === noAuthHeaders) return upstream.send({ url, headers, body, allowPrivate }, listener);
  const send = (auth: HeaderFields): UpstreamHandle =>
    upstream.send({ url, headers: { ...headers, ...auth }, body, allowPrivate }, listener);
  return authHeaders instanceof Promise ? afterAuthentication(authHeaders, send, listener) : send(authHeaders);
}

const headersFor = (target: Target, prepared: PreparedRequest, propagated: PropagatedContext): HeaderFields => ({
  ...headersOf(target, prepared.chat.stream, propagated),
  ...(prepared.isVerbatim ? callerHeaders(propagated, prepared.wire) : {}),
});

/** By target and key, of requests and of streams. */
interface CallConstants {
  whole?: HeaderFields;
  streamed?: HeaderFields;
  /** Of the path that was called last. */
  path?: string;
  url?: string;
}

const constants = new WeakMap<Target, CallConstants>();

function constantsOf(target: Target): CallConstants {
  let known = constants.get(target);
  if (!known) {
    known = {};
    constants.set(target, known);
  }
  return known;
}

/** The same text for the same path, so that it is compared and looked up without being made again. */
function constantUrl(target: Target, path: string): string {
  const known = constantsOf(target);
  if (known.path !== path || known.url === undefined) {
    known.path = path;
    known.url = urlOf(target, path);
  }
  return known.url;
}

/** The headers of a target where they are the same for every call; undefined where a call has some of its own. */
function constantHeaders(target: Target, prepared: PreparedRequest, propagated: PropagatedContext): HeaderFields | undefined {
  const { stream } = prepared.chat;
  if (target.trace || propagated.hops > 0 || (prepared.isVerbatim && prepared.wire === 'anthropic-messages')) return undefined;
  const known = constantsOf(target);
  const form = stream ? 'streamed' : 'whole';
  known[form] ??= headersFor(target, prepared, propagated);
  return known[form];
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
function rejectUnsupported(unsupported: readonly Warning[], listener: UpstreamListener): UpstreamHandle {
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
