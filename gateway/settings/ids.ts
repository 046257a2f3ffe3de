/** Ids of exchanges (UUIDv7) and of traces (W3C), in lower-case hex, from a pool of random bytes. */
import { randomFillSync } from 'node:crypto';
import type { TraceIds } from '../core/exchange.ts';
import type { Instant } from '../core/shared/time.ts';

const pool = Buffer.alloc(8192);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

/** A UUIDv7: sorts by time to the millisecond. */
export function newExchangeId(at: Instant): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const random = randomHex(10);
  const variant = ((Number.parseInt(random.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}

/** A new span id: 16 lower-case hex digits, never all zero. */
export const newSpanId = (): string => randomNonZeroHex(8);
const newTraceId = (): string => randomNonZeroHex(16);

/** W3C trace context reserves all zeros for "no id". */
function randomNonZeroHex(bytes: number): string {
  for (;;) {
    const id = randomHex(bytes);
    if (/[^0]/.test(id)) return id;
  }
}

/** The trace of a request: its parent from `traceparent`, and a new span for the gateway. */
export interface TraceContext extends TraceIds {
  /** The caller's sampling decision; undefined when the trace starts here. */
  readonly sampled: boolean | undefined;
  /** The caller's `tracestate`, '' for none. */
  readonly state: string;
}

const traceparentShape = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

type Header = string | readonly string[] | undefined;

/** W3C allows dropping a longer `tracestate`. */
const traceStateLengthMax = 512;

/** Continues the caller's trace; without a valid `traceparent` it starts a new one. */
export function traceFrom(traceparent: Header, tracestate: Header): TraceContext {
  const spanId = newSpanId();
  const parent = typeof traceparent !== 'string' || traceparent.length > 200 ? null : traceparentShape.exec(traceparent.trim());
  const [whole = '', traceId = '', parentSpanId = '', flags = '', rest = ''] = parent ?? [];
  if (!parent || (whole.startsWith('00') && rest !== '')) {
    return { traceId: newTraceId(), spanId, parentSpanId: '', sampled: undefined, state: '' };
  }
  const state = typeof tracestate !== 'string' || tracestate.length > traceStateLengthMax ? '' : tracestate;
  return { traceId, spanId, parentSpanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state };
}

/** When the exchange of this id arrived, in milliseconds since the epoch: a UUIDv7 begins with it. Undefined for other ids. */
export function timeOfExchangeId(id: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
