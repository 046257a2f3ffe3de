/** The route table: every path and method is declared in hapi; hot routes are also dispatched before its lifecycle. */
import type { IncomingMessage, Server as Listener, ServerResponse } from 'node:http';
import { type Lifecycle, type Server, server } from '@hapi/hapi';
import { invalid, type Refusal } from '../exchange/response/refusal.ts';

/** Ends the response itself; a throw is a mistake of ours. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  params: Readonly<Record<string, string>>,
) => Promise<void> | void;

export interface RouteEntry {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly handler: Handler;
  /** Found by the listener itself, which costs a tenth of hapi's lifecycle. The path is whole, or ends in one parameter that takes the rest. */
  readonly isDirect?: true;
}

export interface RouteErrorHandlers {
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  crashed(request: IncomingMessage, response: ServerResponse, problem: unknown): void;
}

/** A hapi server for the listener, with every route of the table; other paths and methods go to `fallback`. */
export function createRoutes(listener: Listener, table: readonly RouteEntry[], fallback: RouteErrorHandlers): Server {
  const hapi = server({
    listener,
    autoListen: false,
    debug: false,
    // hapi would gzip event streams, and hold them back to do so.
    compression: false,
    // Connections are the edge's business; hapi would track each one.
    operations: { cleanStop: false },
    router: { stripTrailingSlash: true },
    routes: {
      state: { parse: false, failAction: 'ignore' },
      // The body stays in the socket: the edge reads it, bounded.
      payload: { parse: false, output: 'stream', maxBytes: Number.MAX_SAFE_INTEGER, timeout: false, override: 'application/octet-stream' },
      response: { ranges: false },
    },
  });
  const run =
    (handler: Handler): Lifecycle.Method =>
    async ({ raw, params }, h) => {
      try {
        await handler(raw.req, raw.res, params as Record<string, string>);
      } catch (problem) {
        fallback.crashed(raw.req, raw.res, problem);
      }
      return h.abandon;
    };
  const refusing = (refusal: (request: IncomingMessage) => Refusal): Lifecycle.Method =>
    run((request, response) => fallback.refused(request, response, refusal(request)));
  for (const { method, path, handler } of table) hapi.route({ method, path, handler: run(handler) });
  for (const [path, entries] of Map.groupBy(table, entry => entry.path)) {
    hapi.route({ method: '*', path, handler: refusing(() => wrongMethod(entries)) });
  }
  hapi.route({ method: '*', path: '/{any*}', handler: refusing(request => notFound(request, table)) });
  // hapi's own word, before any route: the path is not one.
  hapi.ext('onPreResponse', ({ raw, response }, h) => {
    if (!('isBoom' in response)) return h.continue;
    if (response.isServer) fallback.crashed(raw.req, raw.res, response);
    else fallback.refused(raw.req, raw.res, invalid('invalid_path', 'The path of the request is not valid.'));
    return h.abandon;
  });
  return hapi;
}

/** Runs the direct route that a request names and gives true; false where hapi shall look: no such route, or a path in any but its plain form. */
export type Dispatch = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A parameter in a form that hapi would not change. */
const plainParameter = /^[\w.:@~-]+(?:\/[\w.:@~-]+)*$/;
const noParameters: Readonly<Record<string, string>> = {};

/** Dispatches the table's direct POST routes before hapi sees the request. */
export function createDispatch(table: readonly RouteEntry[], { crashed }: Pick<RouteErrorHandlers, 'crashed'>): Dispatch {
  const direct = table.filter(entry => entry.isDirect && entry.method === 'POST');
  const byPath = new Map(direct.map(({ path, handler }) => [path, handler]));
  const byPrefix = direct.flatMap(({ path, handler }) => {
    const [, prefix, name] = /^(.*\/)\{(\w+)\*\}$/.exec(path) ?? [];
    return prefix === undefined || name === undefined ? [] : [{ prefix, name, handler }];
  });
  const run = (handler: Handler, request: IncomingMessage, response: ServerResponse, params: Readonly<Record<string, string>>): true => {
    try {
      const running = handler(request, response, params);
      if (running) running.catch((problem: unknown) => crashed(request, response, problem));
    } catch (problem) {
      crashed(request, response, problem);
    }
    return true;
  };
  return (request, response) => {
    if (request.method !== 'POST') return false;
    const { url = '' } = request;
    const query = url.indexOf('?');
    const path = query < 0 ? url : url.slice(0, query);
    const handler = byPath.get(path);
    if (handler) return run(handler, request, response, noParameters);
    const entry = byPrefix.find(({ prefix }) => path.startsWith(prefix));
    const rest = entry && path.slice(entry.prefix.length);
    return rest !== undefined && plainParameter.test(rest) && run(entry!.handler, request, response, { [entry!.name]: rest });
  };
}

function wrongMethod(entries: readonly RouteEntry[]): Refusal {
  const allow = entries.map(entry => entry.method).join(', ');
  return { ...invalid('method_not_allowed', `This path takes ${allow} only.`, null, 405), headers: { allow } };
}

function notFound({ url = '' }: IncomingMessage, table: readonly RouteEntry[]): Refusal {
  const path = url.split(/[?#]/, 1)[0]!.replace(/^\/+(?:v1\/)*/, '/v1/');
  const suggestion = table.find(entry => entry.path === path)?.path;
  const hint = suggestion
    ? `Did you mean ${suggestion}? The base URL of clients ends in /v1.`
    : 'POST /v1/chat/completions is the endpoint for chats.';
  return invalid('not_found', `There is nothing here. ${hint}`, null, 404);
}
