/** The caller of the admin API, and refusals: no key, too small a role, another site, a missing header. Pure over a request's head. */
import type { IncomingMessage } from 'node:http';
import { forbidden, invalid, isRefusal, type Refusal } from '../../exchange/response/refusal.ts';
import { findKey, presentedCredential, unknownKey } from '../../http/authenticate.ts';
import { keyProblem } from '../../keys/stored-key.ts';
import type { Secret } from '../../settings/secret.ts';
import type { Settings } from '../../settings/settings.ts';
import { mayActAs, type Role, type RouteSpec } from '../api/contract.ts';

export interface AdminCaller {
  readonly name: string;
  /** As the audit names it. */
  readonly actor: string;
  readonly role: Role;
  /** `*` is all. */
  readonly tenant: string;
  /** Sha256 hex of the key; undefined without one. */
  readonly keyHash: string | undefined;
  /** Of a session by cookie. */
  readonly expiresAt?: number;
}

/** Without keys everybody on this machine may do everything. */
const anybody: AdminCaller = { name: '', actor: 'anybody', role: 'admin', tenant: '*', keyHash: undefined };

interface Access {
  readonly settings: Pick<Settings, 'keys'>;
  readonly adminKey: Secret | undefined;
}

/** Of the key in the headers; undefined when there is none. */
export function callerOfHeaders(rawHeaders: readonly string[], access: Access): AdminCaller | Refusal | undefined {
  if (access.settings.keys.size === 0) return anybody;
  const presented = presentedCredential(rawHeaders);
  if (presented === undefined || (typeof presented === 'object' && isRefusal(presented))) return presented;
  return callerOfKey(presented, access) ?? unknownKey(false);
}

/** The caller with this key; undefined when it is unknown. Without configured keys everybody is an admin. */
export function callerOfKey(presented: string, { settings, adminKey }: Access): AdminCaller | undefined {
  if (settings.keys.size === 0) return anybody;
  const found = findKey(presented, settings.keys);
  if (found) return keyProblem(found.caller, Date.now()) ? undefined : callerOf(found.hash, settings, undefined);
  return adminKey?.equals(presented) ? localCaller(adminKey) : undefined;
}

/** Of a key that was shown earlier: it may have been revoked, or given another role, since. */
export function callerOfSession(keyHash: string, expiresAt: number, { settings, adminKey }: Access): AdminCaller | undefined {
  if (adminKey?.sha256 === keyHash) return { ...localCaller(adminKey), expiresAt };
  const key = settings.keys.get(keyHash);
  return key && !keyProblem(key, Date.now()) ? callerOf(keyHash, settings, expiresAt) : undefined;
}

function callerOf(hash: string, { keys }: Pick<Settings, 'keys'>, expiresAt: number | undefined): AdminCaller {
  const { name, role, tenant } = keys.get(hash)!;
  return { name, actor: `key:${name}`, role, tenant, keyHash: hash, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

const localCaller = (adminKey: Secret): AdminCaller => ({
  ...{ name: 'admin.key', actor: 'local:admin.key', role: 'admin', tenant: '*' },
  keyHash: adminKey.sha256,
});

/** Undefined when the caller may ask this route. */
export function refusalFor(spec: RouteSpec, caller: AdminCaller): Refusal | undefined {
  if (spec.role === 'open') return undefined;
  if (!mayActAs(caller.role, spec.role)) {
    // The code that the first routes under /admin have always used.
    if (spec.role === 'admin') return forbidden('admin_only', 'This needs a key with role: admin.');
    return forbidden('role_too_small', `This needs a key with role: ${spec.role} or more.`);
  }
  if (spec.sees === 'gateway' && !seesGateway(caller)) {
    return forbidden('tenant_walled', `This belongs to no tenant: it needs a key of the tenant "*" or "default", not of ${caller.tenant}.`);
  }
  return undefined;
}

/** What belongs to no tenant. */
export const seesGateway = ({ tenant }: Pick<AdminCaller, 'tenant'>): boolean => tenant === '*' || tenant === 'default';

/** Undefined for all. */
export const tenantsSeenBy = ({ tenant }: AdminCaller): readonly string[] | undefined => (tenant === '*' ? undefined : [tenant]);

export const noKey = unknownKey(true);

/** A page of another site, a form, or a change of what is no longer there. */
export function refusalOfHead(spec: RouteSpec, { headers }: IncomingMessage, configHash: string): Refusal | undefined {
  const { origin, host = '' } = headers;
  if (origin !== undefined && URL.parse(origin)?.host !== host.toLowerCase()) {
    return forbidden('origin_not_allowed', 'The admin API takes no calls from web pages of other sites.');
  }
  if (spec.method !== 'GET' && headers['x-hindcast-csrf'] !== '1') {
    return forbidden('csrf_header_missing', 'A change needs the header x-hindcast-csrf: 1.');
  }
  if (!spec.ifMatch) return undefined;
  const expected = headers['if-match']?.replace(/^(?:W\/)?"(.*)"$/, '$1');
  if (expected === undefined) {
    return invalid('if_match_missing', 'A change of the configuration needs the header if-match: <config hash>.', 'if-match', 428);
  }
  return expected === configHash ? undefined : configChanged(configHash);
}

/** The 412 for a change that was made for an older configuration. */
export const configChanged = (hash: string): Refusal =>
  invalid('config_changed', `The configuration is ${hash} by now; read it again.`, 'if-match', 412);
