/** Authenticates two accounts by password, and refuses pages of other sites in a browser. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { exceptions } from '../session/exception.ts';

export interface EngineAccount {
  readonly name: 'default' | 'writer';
  readonly mayWrite: boolean;
}

export interface AccessPolicy {
  /** Password of `default`; undefined admits it without one. */
  readonly password: string | undefined;
  readonly writerKey: string;
  /** Whether only this machine can connect. */
  readonly loopback: boolean;
}

/** The account of a request. Throws an EngineException for a wrong name or password and for pages of other sites. */
export function authenticate(request: IncomingMessage, parameters: URLSearchParams, access: AccessPolicy): EngineAccount {
  const { user, password } = credentialsOf(request, parameters);
  const expected = user === 'writer' ? access.writerKey : user === 'default' ? (access.password ?? '') : undefined;
  // Unknown users are compared as well, so that the time reveals nothing.
  const isEqual = timingSafeEqual(digest(password), digest(expected ?? access.writerKey));
  if (expected === undefined || !isEqual) {
    throw exceptions.unauthenticated(
      `${user.slice(0, 64)}: Authentication failed: password is incorrect, or there is no user with such name.`,
    );
  }
  // Without a password, a page of another site could send requests to loopback.
  if (user === 'default' && access.password === undefined) rejectBrowsers(request);
  return user === 'writer' ? { name: 'writer', mayWrite: true } : { name: 'default', mayWrite: false };
}

function rejectBrowsers({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site'];
  const foreign = headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin');
  if (foreign) throw exceptions.unauthenticated('Web pages may not query the store; set store.password to let a browser in.');
}

/** Host must be an address or localhost: a foreign name may resolve to loopback (DNS rebinding). */
export function checkHost({ headers }: IncomingMessage, { loopback }: AccessPolicy): void {
  if (!loopback) return;
  const host = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(headers.host ?? '')?.[1] ?? '';
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || isIP(name) !== 0) return;
  throw exceptions.unauthenticated(`The Host header has to be localhost or an address, unlike "${host.slice(0, 80)}".`);
}

function credentialsOf({ headers }: IncomingMessage, parameters: URLSearchParams): { readonly user: string; readonly password: string } {
  const basic = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [user = '', ...password] = Buffer.from(basic, 'base64').toString().split(':');
    return { user: user || 'default', password: password.join(':') };
  }
  if (headers.authorization !== undefined) throw exceptions.unauthenticated('Authorization has to be Basic.');
  const user = single(headers['x-clickhouse-user']) ?? parameters.get('user');
  const password = single(headers['x-clickhouse-key']) ?? parameters.get('password');
  return { user: user || 'default', password: password ?? '' };
}

const single = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
