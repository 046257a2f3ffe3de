/** Authenticates a request: the credential in its headers becomes a caller, or a refusal. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Instant } from '../core/shared/time.ts';
import { invalid, type Refusal } from '../exchange/response/refusal.ts';
import { type KeyProblem, keyProblem } from '../keys/stored-key.ts';
import type { CallerKey, Settings } from '../settings/settings.ts';

/** What everybody is when no keys are configured. */
const anonymousCaller: CallerKey = { name: '', tenant: 'default', project: '', user: '', role: 'caller' };

const credentialHeaders = ['x-api-key', 'x-goog-api-key', 'api-key'];

/** `rawHeaders` as Node gives them, so that a second header of the same name is not overlooked. */
export function authenticateCaller(rawHeaders: readonly string[], { keys }: Pick<Settings, 'keys'>, at: Instant): CallerKey | Refusal {
  if (keys.size === 0) return anonymousCaller;
  const presented = presentedCredential(rawHeaders);
  if (typeof presented === 'object') return presented;
  const found = presented === undefined ? undefined : findKey(presented, keys)?.caller;
  if (!found) return unknownKey(presented === undefined);
  const problem = keyProblem(found, at);
  return problem ? keyRefusal(found.name, problem) : found;
}

/** 401 for a key that is known and not accepted now. */
const keyRefusal = (name: string, problem: KeyProblem): Refusal => ({
  ...invalid(`key_${problem}`, `The key ${JSON.stringify(name)} is ${problem}.`, null, 401),
  headers: { 'www-authenticate': 'Bearer realm="hindcast"', 'x-should-retry': 'false' },
});

/** The one key that stands in the headers; undefined for none, a refusal for two different ones. */
export function presentedCredential(rawHeaders: readonly string[]): string | Refusal | undefined {
  const presented = credentials(rawHeaders);
  if (presented.size > 1) {
    return invalid('ambiguous_credentials', 'The request carries two different keys. Send one, in one header.');
  }
  return presented.values().next().value;
}

export interface KeyEntry {
  readonly digest: Buffer;
  /** Hex, as `settings.keys` has it. */
  readonly hash: string;
  /** The tenant that requests of this key are recorded under: `default` for a key that sees all tenants. */
  readonly caller: CallerKey;
  /** Of the tenant `default` or `*`: it sees what belongs to no tenant. */
  readonly seesGateway: boolean;
}

/** The key entry of a credential, found by its SHA-256; undefined when there is none. Digests are compared in constant time. */
export function findKey(credential: string, keys: Settings['keys']): KeyEntry | undefined {
  const digest = createHash('sha256').update(credential, 'latin1').digest();
  return indexOf(keys)
    .get(bucketOf(digest))
    ?.find(entry => timingSafeEqual(entry.digest, digest));
}

const indexes = new WeakMap<Settings['keys'], ReadonlyMap<number, readonly KeyEntry[]>>();

/** By the first four bytes of the hash; the whole of it is then compared in constant time. */
function indexOf(keys: Settings['keys']): ReadonlyMap<number, readonly KeyEntry[]> {
  let index = indexes.get(keys);
  if (!index) {
    const entries = [...keys]
      .map(([hash, key]) => ({
        digest: Buffer.from(hash, 'hex'),
        hash,
        caller: key.tenant === '*' ? { ...key, tenant: 'default' } : key,
        seesGateway: key.tenant === '*' || key.tenant === 'default',
      }))
      .filter(({ digest }) => digest.length === 32);
    index = Map.groupBy(entries, ({ digest }) => bucketOf(digest));
    indexes.set(keys, index);
  }
  return index;
}

const bucketOf = (digest: Buffer): number => digest.readUInt32BE(0);

/** The different keys that stand in the headers; '' is none. */
function credentials(rawHeaders: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!.trim();
    if (name === 'authorization') {
      const token = /^bearer\s+(\S.*)$/i.exec(value)?.[1];
      // Another scheme is a credential, too, and none that we know.
      if (value !== '') found.add(token ?? value);
    } else if (credentialHeaders.includes(name) && value !== '') found.add(value);
  }
  return found;
}

/** The 401 for a missing or an unknown key. */
export const unknownKey = (isMissing: boolean): Refusal => ({
  ...invalid(
    'invalid_api_key',
    isMissing
      ? 'This gateway needs a key: send it as "Authorization: Bearer …". `hindcast keys create` makes one.'
      : 'The key is not known to this gateway.',
    null,
    401,
  ),
  headers: { 'www-authenticate': 'Bearer realm="hindcast"' },
});
