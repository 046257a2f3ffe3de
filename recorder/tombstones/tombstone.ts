/** Subjects of erasure, and whether a record belongs to one. */
import { createHash } from 'node:crypto';
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';

/** Every given field has to match; at least one is given. */
export interface Subject {
  readonly tenant?: string;
  readonly user?: string;
  /** A request's id. */
  readonly exchange?: string;
}

/** As it stands in `erasures`: '' matches everything. */
export interface Tombstone {
  readonly tenant_id: string;
  readonly user_sha256: string;
  readonly request_id: string;
  /** Milliseconds. Records that arrived later are kept. */
  readonly at: Instant;
}

/** SHA-256 of a user name, in hex, as tombstones keep it. */
export const userHash = (user: string): string => createHash('sha256').update(user).digest('hex');

/** The tombstone of a subject at an instant. '' stands for what the subject does not name. */
export const tombstoneOf = ({ tenant = '', user, exchange = '' }: Subject, at: Instant): Tombstone => ({
  tenant_id: tenant,
  user_sha256: user === undefined ? '' : userHash(user),
  request_id: exchange,
  at,
});

/** For the audit. A user appears as a hash, which can be compared with a known name. */
export const subjectText = ({ tenant, user, exchange }: Subject): string =>
  [
    ...(tenant === undefined ? [] : [`tenant:${tenant}`]),
    ...(user === undefined ? [] : [`user:sha256:${userHash(user)}`]),
    ...(exchange === undefined ? [] : [`exchange:${exchange}`]),
  ].join(' ');

/** What tombstones are compared with. */
export interface RecordIdentity {
  /** Its own id and, of a replay, the original's. */
  readonly ids: readonly (string | undefined)[];
  readonly at: Instant;
  readonly tenant: string;
  /** Undefined for feedback, which does not name the user. */
  readonly user: string | undefined;
}

/** A replay repeats the original's content, and is erased with it; so is feedback about it. */
export function recordIdentity(record: Exchange | Feedback): RecordIdentity {
  if ('scores' in record) return { ids: [record.request], at: record.scores[0]?.at ?? 0, tenant: record.tenant, user: undefined };
  const { tenant, user } = record.caller;
  return { ids: [record.id, record.replayOf], at: record.receivedAt, tenant, user };
}

/** Whether one of the tombstones covers the record. Records that were received later than a tombstone are not covered. */
export function isErased({ ids, at, tenant, user }: RecordIdentity, tombstones: readonly Tombstone[]): boolean {
  return tombstones.some(tombstone => {
    if (at > tombstone.at) return false;
    if (tombstone.tenant_id !== '' && tombstone.tenant_id !== tenant) return false;
    if (tombstone.request_id !== '' && !ids.includes(tombstone.request_id)) return false;
    return tombstone.user_sha256 === '' || (user !== undefined && tombstone.user_sha256 === userHash(user));
  });
}
