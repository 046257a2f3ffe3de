/** Whose record a frame's payload is, in either form. */
import { type RecordIdentity, recordIdentity } from '../tombstones/tombstone.ts';
import { isPacked, type PackedRows, unpackRows } from './packed-rows.ts';
import { decodeRecord } from './record-encoding.ts';

const anyDays = () => ({ records: 0, payloads: 0 });

/** Throws when the payload is none of a record. It may be written into. */
export const payloadIdentity = (payload: Uint8Array): RecordIdentity =>
  isPacked(payload) ? packedIdentity(unpackRows(payload, anyDays)) : recordIdentity(decodeRecord(payload));

/** Ids, time, tenant and user of a packed record, by which an erasure finds it. */
export const packedIdentity = ({ id, replayOf, receivedAt, tenant, user }: PackedRows): RecordIdentity => ({
  ids: [id, replayOf === '' ? undefined : replayOf],
  at: receivedAt,
  tenant,
  user,
});
