/** A record as a JSON head and the exchange's bodies behind it: the form of version 0.1.0, and of feedback. */
import type { AttemptRecord, Exchange } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';

/** The JSON head and the distinct bodies that follow it. */
export interface EncodedRecord {
  readonly head: string;
  readonly bodies: readonly Uint8Array[];
  readonly bodyBytes: number;
}

interface RecordHead {
  /** Lengths of the bodies, in the order they follow the head. */
  readonly lengths: readonly number[];
  /** Which body is which: the caller's request and answer, then request and response of each attempt. */
  readonly uses: readonly number[];
  readonly exchange: Omit<Exchange, 'request' | 'response' | 'attempts'>;
  readonly attempts: readonly Omit<AttemptRecord, 'request' | 'response'>[];
}

/** Feedback is a head without bodies. */
export const isFeedback = (record: Exchange | Feedback): record is Feedback => 'scores' in record;

/** A record as JSON head and bodies; `bodyBytes` is the bodies' total length. */
export const encodeRecord = (record: Exchange | Feedback): EncodedRecord =>
  isFeedback(record) ? { head: JSON.stringify({ feedback: record }), bodies: [], bodyBytes: 0 } : encodeExchange(record);

/** A body that caller and attempt share is written once. */
export function encodeExchange(exchange: Exchange): EncodedRecord {
  const bodies: Uint8Array[] = [];
  const uses: number[] = [];
  let bodyBytes = 0;
  const indexOfBody = (body: Uint8Array): void => {
    let index = bodies.findIndex(existing => sameBytes(existing, body));
    if (index < 0) {
      index = bodies.push(body) - 1;
      bodyBytes += body.byteLength;
    }
    uses.push(index);
  };
  const { request, response, attempts: records, ...rest } = exchange;
  indexOfBody(request);
  indexOfBody(response);
  const attempts = records.map(({ request: sent, response: received, ...attempt }) => {
    indexOfBody(sent);
    indexOfBody(received);
    return attempt;
  });
  const head: RecordHead = { lengths: bodies.map(body => body.byteLength), uses, exchange: rest, attempts };
  return { head: JSON.stringify(head), bodies, bodyBytes };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a === b || (a.byteLength === b.byteLength && Buffer.compare(a, b) === 0);

/** Bytes before the JSON head: its length. */
export const headLengthBytes = 4;

/** The bodies are views into `payload`. Throws when it is not what `encodeExchange` made. */
export function decodeExchange(payload: Uint8Array): Exchange {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const headEnd = headLengthBytes + bytes.readUInt32LE(0);
  if (headEnd > bytes.length) throw new Error('the head is longer than the packet');
  const head = JSON.parse(bytes.toString('utf8', headLengthBytes, headEnd)) as RecordHead;
  let at = headEnd;
  const bodies = head.lengths.map(length => {
    const body = bytes.subarray(at, at + length);
    at += length;
    return body;
  });
  if (at !== bytes.length) throw new Error('the bodies do not fill the packet');
  const [request, response, ...others] = head.uses.map(use => bodies[use]!);
  const attempts = head.attempts.map((attempt, i) => ({ ...attempt, request: others[2 * i]!, response: others[2 * i + 1]! }));
  return { ...head.exchange, request: request!, response: response!, attempts };
}

/** Decodes an exchange or feedback. */
export function decodeRecord(payload: Uint8Array): Exchange | Feedback {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const prefix = '{"feedback":';
  if (bytes.toString('utf8', headLengthBytes, headLengthBytes + prefix.length) !== prefix) return decodeExchange(payload);
  return (JSON.parse(bytes.toString('utf8', headLengthBytes)) as { readonly feedback: Feedback }).feedback;
}
