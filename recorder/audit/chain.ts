/** The audit's hash chain: each entry holds the hash of the one before, so that a change is detected. Pure. */
import { createHash } from 'node:crypto';
import type { Instant } from '../../gateway/core/shared/time.ts';

export interface ChainRow {
  readonly chain: string;
  /** From 1. */
  readonly seq: number;
  readonly at: Instant;
  readonly actor: string;
  readonly action: string;
  readonly tenant: string;
  readonly subject: string;
  /** JSON. */
  readonly detail: string;
  readonly previous: string;
  readonly hash: string;
}

/** The last entry that is known to have been written. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** SHA-256 of an entry's fields and the hash before it, in hex. */
export const hashOf = ({ chain, seq, at, actor, action, tenant, subject, detail, previous }: Omit<ChainRow, 'hash'>): string =>
  createHash('sha256')
    .update(JSON.stringify([chain, seq, at, actor, action, tenant, subject, detail, previous]))
    .digest('hex');

export interface ChainFault {
  readonly chain: string;
  readonly seq: number;
  readonly problem: string;
}

/**
 * The first entry that is not as it was written; undefined when all are. `rows` are of one chain, by their number; the oldest may have
 * outlived their time, so it begins at `first`. With the head, entries that are missing at the end are found as well.
 */
export function firstFault(rows: readonly ChainRow[], first: number, head?: ChainHead): ChainFault | undefined {
  let expected = first;
  let previous: string | undefined = first === 1 ? '' : undefined;
  for (const row of rows) {
    const fault = (seq: number, problem: string): ChainFault => ({ chain: row.chain, seq, problem });
    if (row.seq > expected) return fault(expected, 'is missing');
    if (row.seq < expected) return fault(row.seq, 'is there twice, with different words');
    if (hashOf(row) !== row.hash) return fault(row.seq, 'was changed after it was written');
    if (previous !== undefined && row.previous !== previous) return fault(row.seq, 'does not follow the entry before it');
    if (head?.seq === row.seq && head.hash !== row.hash) return fault(row.seq, 'is another than the one that was written');
    previous = row.hash;
    expected = row.seq + 1;
  }
  if (head && head.seq >= expected) return { chain: rows[0]?.chain ?? '', seq: expected, problem: 'is missing' };
  return undefined;
}
