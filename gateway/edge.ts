/** The HTTP server itself, hardened: what arrives broken, oversized, too slowly or ambiguously addressed ends here, before any route. */
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BodyLimits, tooLarge } from './body.ts';
import { errorBody, forbidden, invalid, linger, type Refusal } from './refuse.ts';

export interface EdgeLimits extends BodyLimits {
  readonly headersTimeoutMs: number;
  readonly headerBytesMax: number;
  readonly headersMax: number;
  /** A caller that takes no byte of its answer for this long is gone. */
  readonly writeTimeoutMs: number;
  /** Silence of a stream after which a comment keeps the connection alive. */
  readonly keepAliveMs: number;
}

export const edgeLimits: EdgeLimits = {
  bodyBytesMax: 32 * 1024 * 1024,
  bodyIdleMs: 10_000,
  headersTimeoutMs: 10_000,
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  writeTimeoutMs: 30_000,
  keepAliveMs: 10_000,
};

/** Requests go through `check` first; what it refuses is answered by `refused` and never reaches a route. */
export interface Guard {
  check(request: IncomingMessage): Refusal | undefined;
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  /** A connection whose bytes were no HTTP request. */
  broken(refusal: Refusal): { readonly id: string };
}

export function createEdge(limits: EdgeLimits): Server {
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    // Without a short interval the timeout above would be looked at every 30 s only.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs / 2),
    // A request may stream for long; its body has an idle timeout of its own.
    requestTimeout: 0,
    keepAliveTimeout: 5_000,
    maxHeaderSize: limits.headerBytesMax,
    insecureHTTPParser: false,
    requireHostHeader: false,
  });
  // Node would drop what is over the limit, silently; the guard counts instead.
  server.maxHeadersCount = 0;
  return server;
}

/** Puts the guard before the listeners that the server has by now. They never see a broken request. */
export function guardEdge(server: Server, limits: EdgeLimits, guard: Guard): void {
  const listeners = server.listeners('request') as RequestListener[];
  const current = new WeakMap<Socket, ServerResponse>();
  server.removeAllListeners('request').removeAllListeners('checkContinue').removeAllListeners('clientError');
  const onRequest: RequestListener = (request, response) => {
    current.set(request.socket, response);
    response.on('error', () => {}); // the connection's end; 'close' follows
    const refusal = guard.check(request);
    if (refusal) guard.refused(request, response, refusal);
    else for (const listener of listeners) listener(request, response);
  };
  server.on('request', onRequest);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard.check(request);
    if (!refusal) response.writeContinue();
    onRequest(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = refusalOf(error.code ?? '');
    const response = current.get(socket);
    // In the midst of an answer there is no place for another one.
    const isAnswering = response !== undefined && response.headersSent && !response.writableFinished;
    if (!refusal || isAnswering || !socket.writable || socket.writableEnded) return void socket.destroy();
    socket.end(rawAnswer(refusal, guard.broken(refusal).id));
    linger(socket);
    socket.destroySoon();
  });
  server.setTimeout(limits.writeTimeoutMs, (socket: Socket) => {
    const response = current.get(socket);
    const isStuck = socket.writableLength > 0;
    const isIdle = response === undefined || response.writableFinished;
    if (isStuck || isIdle) socket.destroy();
  });
}

function refusalOf(code: string): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return invalid('request_timeout', 'The request did not arrive in time.', null, 408);
  return code.startsWith('HPE_') ? broken('The bytes on this connection are not a valid HTTP/1.1 request.') : undefined;
}

const broken = (message: string): Refusal => ({ ...invalid('invalid_http', message), close: true });

const headersTooLarge: Refusal = {
  ...invalid('headers_too_large', 'The request has more or longer headers than this gateway takes.', null, 431),
  close: true,
};

/** An answer for a connection that has no response object. */
function rawAnswer({ refusal }: Refusal, id: string): string {
  const body = errorBody(refusal);
  return [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

const hostShape = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** What is wrong with a request, whatever it asks for. */
export function checkRequest(request: IncomingMessage, limits: EdgeLimits): Refusal | undefined {
  const { rawHeaders, headers, url = '' } = request;
  if (rawHeaders.length > 2 * limits.headersMax) return headersTooLarge;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++;
  const isNameless = hosts === 0 && request.httpVersion === '1.0';
  if (!isNameless && (hosts !== 1 || !hostShape.test(headers.host ?? ''))) return broken('The request must have exactly one Host header, and a valid one.');
  if (!url.startsWith('/') && url !== '*' && authorityOf(url) !== headers.host?.toLowerCase()) {
    return broken('The request target names another host than the Host header.');
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') return broken('The only transfer-encoding taken is chunked.');
  // Java's HTTP client offers h2c on every first call; a server may ignore the offer, and then it is plain HTTP/1.1.
  const { upgrade } = headers;
  if (upgrade !== undefined && upgrade.trim().toLowerCase() !== 'h2c') return broken('This gateway upgrades no connection.');
  if (Number(headers['content-length'] ?? 0) > limits.bodyBytesMax) return tooLarge(limits.bodyBytesMax);
  return undefined;
}

function authorityOf(url: string): string | undefined {
  return /^http:\/\/([^/?#]*)/i.exec(url)?.[1]?.toLowerCase();
}

const loopbackName = /^(?:localhost|(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;
/** How containers call the machine they run on; no page can make a browser resolve these. */
const containerNames = ['host.docker.internal', 'host.containers.internal'];

export const isLoopbackHost = (host: string): boolean => loopbackName.test(host) || host === '::1';

/**
 * A gateway on loopback without keys trusts every program of this machine, but no web page: a page reaches it by a name of its own
 * that was made to resolve to loopback (DNS rebinding), or directly, and then says so in `origin`.
 */
export function checkPage({ headers }: IncomingMessage): Refusal | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!loopbackName.test(host) && !containerNames.includes(host)) {
    return forbidden('host_not_allowed', 'Without keys this gateway answers to localhost only. Configure keys to reach it by another name.');
  }
  const { origin } = headers;
  if (origin === undefined) return undefined;
  const from = /^https?:\/\/([^/:]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.exec(origin)?.[1];
  if (from !== undefined && loopbackName.test(from)) return undefined;
  return forbidden('origin_not_allowed', 'Without keys this gateway takes no calls from web pages of other sites. Configure keys to allow them.');
}
