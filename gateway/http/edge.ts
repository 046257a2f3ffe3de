/** The HTTP server itself, hardened: what arrives broken, oversized, too slowly or ambiguously addressed ends here, before any route. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { errorBody, invalid, linger, type Refusal } from '../exchange/response/refusal.ts';
import { silentLog } from '../observability/logs.ts';
import type { Log } from '../settings/log.ts';
import type { ServerSettings, TlsSettings } from '../settings/server-settings.ts';
import type { BodyLimits } from './body.ts';
import { responseOf, setResponse } from './request-context.ts';
import { followTlsFiles, readTlsIdentity } from './tls/tls-files.ts';

export interface EdgeLimits extends BodyLimits {
  readonly headersTimeoutMs: number;
  readonly headerBytesMax: number;
  readonly headersMax: number;
  /** A caller that reads no byte of its response for this long is disconnected. */
  readonly writeTimeoutMs: number;
  /** Silence of a stream after which a comment keeps the connection alive. */
  readonly keepAliveMs: number;
  /** Silence of a provider in the middle of a stream, between whole events, after which the answer counts as broken. */
  readonly streamIdleMs: number;
}

export const edgeLimits: EdgeLimits = {
  bodyBytesMax: 32 * 1024 * 1024,
  bodyIdleMs: 10_000,
  headersTimeoutMs: 10_000,
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  writeTimeoutMs: 30_000,
  keepAliveMs: 10_000,
  streamIdleMs: 30_000,
};

/** What stands between the server and its routes. */
export interface RequestGuard {
  /** What is wrong with a request; only one with nothing wrong reaches a route. */
  check(request: IncomingMessage): Refusal | undefined;
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  admitted(response: ServerResponse): void;
  /** Answers a browser's question, or marks the response for it; true when the request is answered. */
  answerCors(request: IncomingMessage, response: ServerResponse): boolean;
  /** Takes a request before the server's own listeners; false when they shall have it. */
  dispatch(request: IncomingMessage, response: ServerResponse): boolean;
  /** The bytes of a connection were no HTTP request; gives the id that its answer shall carry. */
  broken(refusal: Refusal): string;
}

/** Longer than load balancers (60 s) and client pools keep an idle connection: the side that closes first must not be the one that receives the next request. */
export const keepAliveTimeoutMs = 75_000;

/** An HTTP server with the limits on headers, connections and their times, an HTTPS server with an identity; it does not listen yet. */
export function createEdge(limits: EdgeLimits, tls?: TlsSettings, log: Log = silentLog): Server {
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    // Without a short interval the timeout above would be looked at every 30 s only.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs / 2),
    // A request may stream for long; its body has an idle timeout of its own.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: limits.headerBytesMax,
    insecureHTTPParser: false,
    requireHostHeader: false,
  };
  const server: Server = tls
    ? createTlsServer({ ...options, ...readTlsIdentity(tls), handshakeTimeout: limits.headersTimeoutMs })
    : createServer(options);
  if (tls) followTlsFiles(tls, server, log);
  // Node would drop what is over the limit, silently; the guard counts instead.
  server.maxHeadersCount = 0;
  return server;
}

/** Rejects with the system's error when it cannot. */
export async function listenAt(server: Server, { host, port, backlog }: ServerSettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ port, host, ...(backlog === undefined ? {} : { backlog }) }, resolve);
  await promise;
  server.off('error', reject);
}

/** The URL of a listening server, with brackets around an IPv6 host. */
export function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `${server instanceof TlsServer ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const ignored = (): void => {};

/** Puts the guard before the listeners that the server has by now. They never see a broken request. */
export function guardEdge(server: Server, limits: EdgeLimits, guard: RequestGuard): void {
  const listeners = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request').removeAllListeners('checkContinue').removeAllListeners('clientError');
  const onRequest: RequestListener = (request, response) => {
    setResponse(request.socket, response);
    response.on('error', ignored); // the connection's end; 'close' follows
    if (guard.answerCors(request, response)) return;
    const refusal = guard.check(request);
    if (refusal) return guard.refused(request, response, refusal);
    guard.admitted(response);
    if (guard.dispatch(request, response)) return;
    for (const listener of listeners) listener(request, response);
  };
  server.on('request', onRequest);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard.check(request);
    if (!refusal) response.writeContinue();
    onRequest(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = refusalOf(error.code ?? '');
    const response = responseOf(socket);
    // In the midst of an answer there is no place for another one.
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (!refusal || isAnswering || !socket.writable || socket.writableEnded) return void socket.destroy();
    socket.end(rawResponse(refusal, guard.broken(refusal)));
    linger(socket);
    socket.destroySoon();
  });
  server.setTimeout(limits.writeTimeoutMs, (socket: Socket) => {
    const response = responseOf(socket);
    const isStuck = socket.writableLength > 0;
    const isIdle = response === undefined || response.writableFinished;
    if (isStuck || isIdle) socket.destroy();
  });
}

function refusalOf(code: string): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return invalid('request_timeout', 'The request did not arrive in time.', null, 408);
  return code.startsWith('HPE_') ? invalidHttp('The bytes on this connection are no valid HTTP request.') : undefined;
}

/** The 400 for a request that breaks HTTP; closes the connection. */
export const invalidHttp = (message: string): Refusal => ({ ...invalid('invalid_http', message), close: true });

export const headersTooLarge: Refusal = {
  ...invalid('headers_too_large', 'The request has more or longer headers than this gateway takes.', null, 431),
  close: true,
};

/** An answer for a connection that has no response object. */
function rawResponse({ refusal }: Refusal, id: string): string {
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
