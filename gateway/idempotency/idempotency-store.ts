/**
 * `Idempotency-Key`: a repeated request gets the response of the first one, in flight or stored for ten minutes, and is not executed again.
 * `Last-Event-ID`: a caller that lost the connection to a resumable stream continues after its last event.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import type { ExecutionHandle, RoutedRequest } from '../exchange/contract.ts';
import { invalid, type Refusal } from '../exchange/response/refusal.ts';
import { ResponseBuffer } from './response-buffer.ts';

export interface IdempotencyLimits {
  /** How long a successful response is stored after its end. */
  readonly ttlMs: Milliseconds;
  /** Bytes stored of one response, and of all. */
  readonly responseLengthMax: number;
  readonly totalLengthMax: number;
  readonly responsesMax: number;
}

export const idempotencyLimits: IdempotencyLimits = {
  ttlMs: 600_000,
  responseLengthMax: 4 * 1024 * 1024,
  totalLengthMax: 64 * 1024 * 1024,
  responsesMax: 10_000,
};

/** A response that several requests may read. */
export interface SharedResponse {
  readonly name: string;
  /** Id of the first request. */
  readonly id: string;
  readonly digest: string;
  readonly buffer: ResponseBuffer;
  /** Set by the first request; absent once the response has ended. */
  execution?: Promise<ExecutionHandle | Refusal>;
  /** Index of the event to start from. */
  readonly fromEvent?: number;
}

interface StoredResponse extends SharedResponse {
  readonly expiresAt: Instant;
}

const headerName = 'idempotency-key';
/** Event ids of the gateway: request id and event number. Ids of another form are ignored. */
const eventIdShape = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,9})$/;
const keyShape = /^[\x21-\x7e]{1,255}$/;

/** The responses of one process by tenant and Idempotency-Key, within limits of time, size and number. */
export class IdempotencyStore {
  readonly #clock: Clock;
  readonly #limits: IdempotencyLimits;
  readonly #inFlight = new Map<string, SharedResponse>();
  /** Ordered by their end. */
  readonly #stored = new Map<string, StoredResponse>();
  #length = 0;

  constructor(clock: Clock, limits: Partial<IdempotencyLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...idempotencyLimits, ...limits };
  }

  /**
   * The shared response of a request with a key, or of a resumable stream; undefined for any other request.
   * The first request, which finds it without an execution, starts the execution and calls `complete` at the end.
   */
  join(headers: IncomingHttpHeaders, request: RoutedRequest): SharedResponse | Refusal | undefined {
    const key = headers[headerName];
    const eventId = headers['last-event-id'];
    if (key === undefined && eventId === undefined && !request.isResumable) return undefined;
    const [, id, last] = eventIdShape.exec(String(eventId)) ?? [];
    if (key === undefined && id === undefined && !request.isResumable) return undefined;
    if (key !== undefined && (typeof key !== 'string' || !keyShape.test(key))) return invalidKey;
    const { tenant, key: caller } = request.caller;
    const name = JSON.stringify(key === undefined ? [tenant, caller, 'stream', id ?? request.id] : [tenant, caller, key]);
    const digest = digestOf(request);
    this.#evictExpired();
    const existing = this.#inFlight.get(name) ?? this.#stored.get(name);
    if (existing) {
      if (existing.digest !== digest) return bodyConflict;
      if (!existing.buffer.isRetained) return responseNotStored(existing.id);
      return existing.id === id ? { ...existing, fromEvent: Number(last) + 1 } : existing;
    }
    if (id !== undefined) return streamNotStored;
    if (this.#inFlight.size >= this.#limits.responsesMax) return tooMany;
    const shared: SharedResponse = {
      name,
      id: request.id,
      digest,
      buffer: new ResponseBuffer((length, more) => this.#reserve(length, more)),
    };
    this.#inFlight.set(name, shared);
    return shared;
  }

  /** Stores a successful response. After any other, a repeat is executed again. */
  complete(shared: SharedResponse): void {
    if (!this.#inFlight.delete(shared.name)) return;
    if (!shared.buffer.isSuccessful) {
      if (shared.buffer.isRetained) this.#length -= shared.buffer.length;
      return;
    }
    const { execution: _, ...rest } = shared;
    this.#stored.set(shared.name, { ...rest, expiresAt: this.#clock.now() + this.#limits.ttlMs });
    this.#evictExpired();
  }

  #reserve(length: number, more: number): boolean {
    const { responseLengthMax, totalLengthMax } = this.#limits;
    if (length + more <= responseLengthMax) {
      while (this.#length + more > totalLengthMax && this.#stored.size > 0) this.#evictOldest();
      if (this.#length + more <= totalLengthMax) {
        this.#length += more;
        return true;
      }
    }
    this.#length -= length;
    return false;
  }

  #evictExpired(): void {
    const now = this.#clock.now();
    for (let oldest = oldestOf(this.#stored); oldest; oldest = oldestOf(this.#stored)) {
      if (oldest.expiresAt > now && this.#stored.size <= this.#limits.responsesMax) return;
      this.#evictOldest();
    }
  }

  #evictOldest(): void {
    const oldest = oldestOf(this.#stored)!;
    this.#stored.delete(oldest.name);
    if (oldest.buffer.isRetained) this.#length -= oldest.buffer.length;
  }
}

const oldestOf = (stored: ReadonlyMap<string, StoredResponse>): StoredResponse | undefined => stored.values().next().value;

/** Some dialects have the model and the streaming flag outside of the body. */
const digestOf = ({ dialect, chat, body }: RoutedRequest): string =>
  createHash('sha256').update(`${dialect.name}\n${chat.model}\n${chat.stream}\n`).update(body).digest('base64');

const invalidKey: Refusal = invalid(
  'invalid_value',
  'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once.',
  'Idempotency-Key',
);

/** SDKs retry a 409 by default, which would not help. */
const conflict = (code: string, message: string): Refusal => ({
  ...invalid(code, message, 'Idempotency-Key', 409),
  headers: { 'x-should-retry': 'false' },
});

const bodyConflict: Refusal = conflict(
  'idempotency_conflict',
  'This Idempotency-Key was used with a different request. Send a new key with a new request.',
);

const responseNotStored = (id: string): Refusal =>
  conflict(
    'idempotency_answer_not_kept',
    `The first request with this Idempotency-Key (${id}) has a response too long to be stored for repeats. Send a new key to execute the request again.`,
  );

const streamNotStored: Refusal = {
  ...invalid(
    'stream_not_kept',
    'The stream of this Last-Event-ID is not stored: it broke, it ended too long ago, it was too long, or its request lacked x-hindcast-resume: true. Send the request without Last-Event-ID.',
    'Last-Event-ID',
    409,
  ),
  headers: { 'x-should-retry': 'false' },
};

const tooMany: Refusal = {
  refusal: {
    status: 503,
    type: 'server_error',
    code: 'too_many_requests_in_flight',
    message: 'Too many requests with an Idempotency-Key are in flight. Retry later.',
    param: null,
  },
  headers: { 'retry-after': '1', 'x-should-retry': 'true' },
};
