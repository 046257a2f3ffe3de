/** Refusals: error responses before any provider is called, in the caller's format, closing the connection where needed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CallerError } from '../../core/chat/caller-format.ts';
import { callerFormatAt } from '../../dialects/index.ts';
import { recordingUnavailable } from './caller-error.ts';

export interface Refusal {
  readonly refusal: CallerError;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is not to be used again. */
  readonly close?: boolean;
}

/** Whether a value is a refusal. */
export const isRefusal = (value: object): value is Refusal => 'refusal' in value;

/** A refusal of type `invalid_request_error`; `param` names the member at fault. */
export function invalid(code: string, message: string, param: string | null = null, status = 400): Refusal {
  return { refusal: { status, type: 'invalid_request_error', code, message, param } };
}

/** A 403 refusal of type `permission_error`; `param` names the member at fault. */
export function forbidden(code: string, message: string, param: string | null = null): Refusal {
  return { refusal: { status: 403, type: 'permission_error', code, message, param } };
}

export const internalError: Refusal = {
  refusal: {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    message: 'The gateway failed. Its log has the reason under this request id.',
    param: null,
  },
};

/** The refusal when records cannot be stored; an early retry does not help. */
export const recordingRefusal: Refusal = { refusal: recordingUnavailable, headers: { 'retry-after': '5', 'x-should-retry': 'false' } };

/** Another gateway, or this one after its restart, will answer. */
export const shuttingDown: Refusal = {
  refusal: { status: 503, type: 'server_error', code: 'shutting_down', message: 'The gateway is shutting down. Try again.', param: null },
  headers: { 'retry-after': '1', 'x-should-retry': 'true' },
  close: true,
};

/** The 404 for a model that is neither a route nor a target of the caller. */
export const noSuchModel = invalid('model_not_found', 'The model does not exist here. GET /v1/models lists what does.', 'model', 404);

/** The JSON text of an error response in OpenAI's shape. */
export const errorBody = ({ message, type, param, code }: CallerError): string => JSON.stringify({ error: { message, type, param, code } });

/** A body up to this length is read and thrown away after a refusal; for a longer one the connection ends instead. */
const discardBytesMax = 256 * 1024;
/** How long a caller that is still sending may take to read that it should not. */
const lingerMs = 1_000;

/** Answers a request with a refusal. Nothing may have been sent before it. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, { refusal, headers, close }: Refusal, id: string): void {
  if (response.headersSent || response.destroyed) return;
  const dialect = callerFormatAt(request.url ?? '', request.headers);
  const body = dialect.renderFailure(refusal);
  const declared = request.headers['content-length'];
  const unread =
    !request.complete && (declared === undefined ? 'transfer-encoding' in request.headers : Number(declared) > discardBytesMax);
  if (close || unread) {
    response.shouldKeepAlive = false;
    linger(request.socket);
  }
  response.writeHead(refusal.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': id,
    'x-hindcast-id': id,
    ...(dialect.idHeader === undefined ? {} : { [dialect.idHeader]: id }),
    ...headers,
  });
  response.end(body);
}

/** Half-closes first: a reset on a connection with unread bytes would take the answer away before the caller has read it. */
export function linger(socket: Socket): void {
  socket.destroySoon = (): void => {
    socket.end();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}

/** Answers with a value as JSON. Headers that were set before are kept. */
export function sendJson(response: ServerResponse, status: number, value: object): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }).end(body);
}
