/** Keys as data: what a store keeps of a key, what becomes of it over time, and how it joins the keys of the configuration (pure). */
import type { BudgetPolicy, CallerLimits } from '../core/money/budget.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import type { CallerKey, Settings } from '../settings/settings.ts';

export interface StoredKey {
  /** `key_<uuid>`. */
  readonly id: string;
  readonly name: string;
  /** Sha256 of the whole key, hex. */
  readonly hash: string;
  /** The key before the last rotation, and until when it is accepted. */
  readonly previous?: { readonly hash: string; readonly until: Instant };
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly role: CallerKey['role'];
  /** Routes and targets it may call, a name or a beginning with `*`; all when absent. */
  readonly routes?: readonly string[];
  /** Models it may be answered by, in the same form. */
  readonly models?: readonly string[];
  readonly budget?: BudgetPolicy;
  readonly limits?: CallerLimits;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
  readonly isBlocked?: true;
}

/** Why a key is not accepted. */
export type KeyProblem = 'blocked' | 'expired';

/** Undefined while the key is accepted. */
export function keyProblem({ isBlocked, expiresAt }: Pick<CallerKey, 'isBlocked' | 'expiresAt'>, at: Instant): KeyProblem | undefined {
  if (isBlocked) return 'blocked';
  return expiresAt !== undefined && at >= expiresAt ? 'expired' : undefined;
}

/** The key with another secret; the old one is accepted for the grace time. */
export function rotated(key: StoredKey, hash: string, graceMs: Milliseconds, at: Instant): StoredKey {
  const { previous: _, ...rest } = key;
  return { ...rest, hash, ...(graceMs > 0 ? { previous: { hash: key.hash, until: at + graceMs } } : {}) };
}

/** All keys by hash. A key of the file wins over a stored one of the same name or hash. The same map when there are no stored keys. */
export function mergedKeys(configured: Settings['keys'], stored: readonly StoredKey[]): Settings['keys'] {
  if (stored.length === 0) return configured;
  const names = new Set([...configured.values()].map(({ name }) => name));
  const merged = new Map<string, CallerKey>();
  for (const { hash, previous, createdAt: _, ...key } of stored) {
    if (names.has(key.name)) continue;
    if (previous) {
      const until = Math.min(previous.until, key.expiresAt ?? Number.POSITIVE_INFINITY);
      merged.set(previous.hash, { ...key, expiresAt: until });
    }
    merged.set(hash, key);
  }
  for (const [hash, key] of configured) merged.set(hash, key);
  return merged;
}

/** Whether one of the patterns fits: a full name, or a beginning with `*`. */
export const fitsAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some(pattern => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
