/** Makes keys: the secret that is shown once, and what is kept of it. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Instant } from '../core/shared/time.ts';
import type { StoredKey } from './stored-key.ts';

/** A secret of 256 random bits, and its sha256 in hex. */
export function newSecret(): { readonly secret: string; readonly hash: string } {
  const secret = `hc_${randomBytes(32).toString('base64url')}`;
  return { secret, hash: createHash('sha256').update(secret).digest('hex') };
}

/** A new key and its secret, which nobody can read again. */
export function newKey(
  { tenant = 'default', project = '', user = '', role = 'caller', ...rest }: Partial<StoredKey> & Pick<StoredKey, 'name'>,
  at: Instant,
): { readonly key: StoredKey; readonly secret: string } {
  const { secret, hash } = newSecret();
  return { secret, key: { ...rest, id: `key_${randomUUID()}`, hash, tenant, project, user, role, createdAt: at } };
}
