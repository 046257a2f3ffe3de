/** Calls from web pages of other sites, as far as `server.cors` allows them: the answer to a browser's question, and headers on every response. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CorsSettings } from '../../settings/server-settings.ts';

/** Headers that clients of the gateway's formats send. */
const clientHeaders =
  /^(?:authorization|content-type|accept|api-key|x-api-key|x-goog-api-key|x-goog-api-client|user-agent|idempotency-key|x-request-id|http-referer|x-title|(?:anthropic|openai|x-stainless|x-hindcast|x-app)-?[a-z0-9-]*|traceparent|tracestate)$/;
const exposedHeaders = [
  'x-request-id',
  'request-id',
  'retry-after',
  'x-should-retry',
  ...['target', 'attempts', 'cost', 'warnings', 'estimate', 'repeat', 'cache', 'budget-warning'].map(name => `x-hindcast-${name}`),
].join(', ');
const methods = 'GET, POST, DELETE, OPTIONS';

/** Whether a page of this origin may call. */
export const allowsOrigin = (cors: CorsSettings | undefined, origin: string | undefined): boolean =>
  cors !== undefined && origin !== undefined && (cors.origins.includes('*') || cors.origins.includes(origin));

/** Sets what an allowed page may read, and answers its preflight; true when there is nothing more to do. The admin API takes no other site. */
export function answerCors(request: IncomingMessage, response: ServerResponse, cors: CorsSettings | undefined): boolean {
  if (!cors) return false;
  const { origin, 'access-control-request-method': method } = request.headers;
  if (!allowsOrigin(cors, origin) || request.url?.startsWith('/admin')) return false;
  response.setHeader('access-control-allow-origin', cors.origins.includes('*') ? '*' : origin!);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-expose-headers', exposedHeaders);
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  const requested = String(request.headers['access-control-request-headers'] ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase());
  const allowed = requested.filter(name => clientHeaders.test(name) || cors.headers.includes(name) || cors.headers.includes('*'));
  response
    .writeHead(204, {
      'access-control-allow-methods': methods,
      'access-control-allow-headers': allowed.filter(name => /^[a-z0-9-]+$/.test(name)).join(', '),
      'access-control-max-age': String(Math.floor(cors.maxAgeMs / 1_000)),
    })
    .end();
  return true;
}
