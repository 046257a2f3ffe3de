/** Splits requests into tuning, certifying and auditing. Clusters are never divided, and keep their role from run to run. */
import { createHash } from 'node:crypto';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import type { Item } from '../outcomes/outcomes.ts';

export type SplitRole = 'tune' | 'certify' | 'audit';

export interface Split {
  readonly seed: number;
  readonly shares: Readonly<Record<SplitRole, number>>;
  /** By the cluster's hash: no name stands in a file that a repository keeps. */
  readonly roles: ReadonlyMap<string, SplitRole>;
}

/** With fewer requests nothing is set aside for an audit, and estimates are of the requests that were chosen on. */
export const auditFrom = 1_000;

/** The shares of the three roles for this many items. */
export const sharesFor = (items: number): Split['shares'] =>
  items >= auditFrom ? { tune: 0.4, certify: 0.4, audit: 0.2 } : { tune: 0.4, certify: 0.6, audit: 0 };

/** The first 16 hex digits of a text's SHA-256. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** A cluster's role follows from its name and the seed alone, so it is the same whatever else is in the data; a kept split goes before. */
export function splitOf(items: readonly Item[], seed: number, kept?: Split): Split {
  const shares = kept?.shares ?? sharesFor(items.length);
  const used = kept?.seed ?? seed;
  const roles = new Map(kept?.roles ?? []);
  for (const { cluster } of items) {
    const hash = hashOf(cluster);
    if (!roles.has(hash)) roles.set(hash, roleAt(seededUniform(hash, `split ${used}`), shares));
  }
  return { seed: used, shares, roles };
}

const roleAt = (uniform: number, { tune, certify }: Split['shares']): SplitRole =>
  uniform < tune ? 'tune' : uniform < tune + certify ? 'certify' : 'audit';

/** The items whose cluster has this role. */
export const itemsInRole = (items: readonly Item[], split: Split, role: SplitRole): readonly Item[] =>
  items.filter(({ cluster }) => split.roles.get(hashOf(cluster)) === role);
