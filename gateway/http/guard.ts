/** Checks of every request before routing: HTTP framing, Host and Origin. Pure over the request head. */
import type { IncomingMessage } from 'node:http';
import { forbidden, type Refusal } from '../exchange/response/refusal.ts';
import type { CorsSettings } from '../settings/server-settings.ts';
import { tooLarge } from './body.ts';
import { type EdgeLimits, headersTooLarge, invalidHttp } from './edge.ts';
import { allowsOrigin } from './reading/cors.ts';

const hostShape = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** The refusal for a malformed request; undefined when it is valid. */
export function checkRequest(request: IncomingMessage, limits: EdgeLimits): Refusal | undefined {
  const { rawHeaders, headers, url = '' } = request;
  if (rawHeaders.length > 2 * limits.headersMax) return headersTooLarge;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++;
  const isNameless = hosts === 0 && request.httpVersion === '1.0';
  if (!isNameless && (hosts !== 1 || !hostShape.test(headers.host ?? '')))
    return invalidHttp('The request must have exactly one Host header, and a valid one.');
  if (!url.startsWith('/') && url !== '*' && authorityOf(url) !== headers.host?.toLowerCase()) {
    return invalidHttp('The request target names another host than the Host header.');
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') return invalidHttp('The only transfer-encoding taken is chunked.');
  // Java's HTTP client offers h2c on every first call; a server may ignore the offer, and then it is plain HTTP/1.1.
  const { upgrade } = headers;
  if (upgrade !== undefined && upgrade.trim().toLowerCase() !== 'h2c') return invalidHttp('This gateway upgrades no connection.');
  if (Number(headers['content-length'] ?? 0) > limits.bodyBytesMax) return tooLarge(limits.bodyBytesMax);
  return undefined;
}

function authorityOf(url: string): string | undefined {
  return /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]?.toLowerCase();
}

const loopbackName = /^(?:localhost|(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;
/** How containers call the machine they run on; no page can make a browser resolve these. */
const containerNames = ['host.docker.internal', 'host.containers.internal'];

/** Whether a host name (without port) means this machine. */
export const isLoopbackHost = (host: string): boolean => loopbackName.test(host) || host === '::1';

/**
 * A gateway on loopback without keys trusts every program of this machine, but no web page: a page reaches it by a name of its own
 * that was made to resolve to loopback (DNS rebinding), or directly, and then says so in `origin`.
 */
export function checkOrigin({ headers }: IncomingMessage, cors?: CorsSettings): Refusal | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!loopbackName.test(host) && !containerNames.includes(host)) {
    return forbidden(
      'host_not_allowed',
      'Without keys this gateway answers to localhost only. Configure keys to reach it by another name.',
    );
  }
  const { origin } = headers;
  if (origin === undefined || allowsOrigin(cors, origin)) return undefined;
  const from = /^https?:\/\/([^/:]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.exec(origin)?.[1];
  if (from !== undefined && loopbackName.test(from)) return undefined;
  return forbidden(
    'origin_not_allowed',
    'Without keys this gateway takes no calls from web pages of other sites. Configure keys to allow them.',
  );
}

/** Answered without a key, and while the gateway is shutting down. */
const open: readonly string[] = ['/', '/health', '/ready', '/openapi.json'];
/** Pages and what belongs to them: names only, so that no detour leads out of them. */
const openPages = /^\/(?:console|docs)(?:\/[\w-]+(?:\.[\w-]+)*)*\/?$/;
const admin = /^\/admin\/api\/v1\//;
const detour = /(?:\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:\/|\\|%2f|%5c|$)/i;

/** `open` is answered without a key, and while the gateway is shutting down; `admin` authenticates itself; the rest needs a key. */
export function accessOf(url: string): 'open' | 'metrics' | 'admin' | 'key' {
  const path = url.split('?', 1)[0]!;
  if (path === '/metrics') return 'metrics';
  if (open.includes(path) || openPages.test(path)) return 'open';
  return admin.test(path) && !detour.test(path) ? 'admin' : 'key';
}
