/** What belongs to a request lies on it: a map beside it would have to be looked through at each collection. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestContext } from '../exchange/contract.ts';

const context = Symbol('context');
const response = Symbol('response');

interface Marked {
  [context]?: RequestContext;
}
interface Answering {
  [response]?: ServerResponse | undefined;
}

/** Puts the context of a request that passed the guard. */
export function setContext(request: IncomingMessage & Marked, value: RequestContext): void {
  request[context] = value;
}

/** The context of a request; undefined where it did not pass the guard. */
export const contextOf = (request: IncomingMessage & Marked): RequestContext | undefined => request[context];

/** Makes `value` the response that is written on its connection, until it is closed: a connection that waits holds nothing of its last request. */
export function setResponse(socket: Socket & Answering, value: ServerResponse): void {
  socket[response] = value;
  value.on('close', forget);
}

function forget(this: ServerResponse): void {
  const socket = this.req.socket as Socket & Answering;
  if (socket[response] === this) socket[response] = undefined;
}

/** The response that is being written on a connection; undefined between two. */
export const responseOf = (socket: Socket & Answering): ServerResponse | undefined => socket[response];
