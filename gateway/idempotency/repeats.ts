/**
 * `Idempotency-Key`: who asks the same again while it is being answered, or for a while after, reads the first answer; nothing is asked or paid
 * twice. `Last-Event-ID`: who lost the connection to a stream that can be resumed reads on after the piece it has.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock, Instant, Milliseconds } from '../core/time.ts';
import type { Asking, Question } from '../exchange/contract.ts';
import { invalid, type Refusal } from '../exchange/refuse.ts';
import { Tape } from './tape.ts';

export interface RepeatLimits {
  /** How long a whole answer is kept after its end. */
  readonly keepMs: Milliseconds;
  /** Characters kept of one answer, and of all. */
  readonly answerLengthMax: number;
  readonly lengthMax: number;
  readonly answersMax: number;
}

export const repeatLimits: RepeatLimits = {
  keepMs: 600_000,
  answerLengthMax: 4 * 1024 * 1024,
  lengthMax: 64 * 1024 * 1024,
  answersMax: 10_000,
};

/** An answer that can be joined. */
export interface Shared {
  readonly name: string;
  /** The request that it was first asked by. */
  readonly id: string;
  readonly digest: string;
  readonly tape: Tape;
  /** Set by whoever asks it first; absent for one that ended. */
  started?: Promise<Asking | Refusal>;
  /** The piece of it that is read first. */
  readonly from?: number;
}

interface Kept extends Shared {
  readonly until: Instant;
}

const headerName = 'idempotency-key';
/** As `Said` numbers pieces. Other ids are somebody else's, and mean nothing here. */
const eventIdShape = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,9})$/;
const keyShape = /^[\x21-\x7e]{1,255}$/;

export class Repeats {
  readonly #clock: Clock;
  readonly #limits: RepeatLimits;
  readonly #underWay = new Map<string, Shared>();
  /** In the order of their end. */
  readonly #kept = new Map<string, Kept>();
  #length = 0;

  constructor(clock: Clock, limits: Partial<RepeatLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...repeatLimits, ...limits };
  }

  /** What a request with a key takes part in, or a stream that can be resumed; undefined of any other. Whoever finds it not `started` and not answered asks, and says `ended`. */
  join(headers: IncomingHttpHeaders, question: Question): Shared | Refusal | undefined {
    const key = headers[headerName];
    const eventId = headers['last-event-id'];
    if (key === undefined && eventId === undefined && !question.resumable) return undefined;
    const [, id, last] = eventIdShape.exec(String(eventId)) ?? [];
    if (key === undefined && id === undefined && !question.resumable) return undefined;
    if (key !== undefined && (typeof key !== 'string' || !keyShape.test(key))) return badKey;
    const { tenant, key: caller } = question.caller;
    const name = JSON.stringify(key === undefined ? [tenant, caller, 'stream', id ?? question.id] : [tenant, caller, key]);
    const digest = digestOf(question);
    this.#forgetOld();
    const known = this.#underWay.get(name) ?? this.#kept.get(name);
    if (known) {
      if (known.digest !== digest) return otherBody;
      if (!known.tape.isWhole) return notKept(known.id);
      return known.id === id ? { ...known, from: Number(last) + 1 } : known;
    }
    if (id !== undefined) return streamNotKept;
    if (this.#underWay.size >= this.#limits.answersMax) return tooMany;
    const shared: Shared = { name, id: question.id, digest, tape: new Tape((length, more) => this.#room(length, more)) };
    this.#underWay.set(name, shared);
    return shared;
  }

  /** A whole answer is kept; of any other, a repeat asks anew. */
  ended(shared: Shared): void {
    if (!this.#underWay.delete(shared.name)) return;
    if (!shared.tape.isAnswered) {
      if (shared.tape.isWhole) this.#length -= shared.tape.length;
      return;
    }
    const { started: _, ...rest } = shared;
    this.#kept.set(shared.name, { ...rest, until: this.#clock.now() + this.#limits.keepMs });
    this.#forgetOld();
  }

  #room(length: number, more: number): boolean {
    const { answerLengthMax, lengthMax } = this.#limits;
    if (length + more <= answerLengthMax) {
      while (this.#length + more > lengthMax && this.#kept.size > 0) this.#forget();
      if (this.#length + more <= lengthMax) {
        this.#length += more;
        return true;
      }
    }
    this.#length -= length;
    return false;
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (let oldest = first(this.#kept); oldest; oldest = first(this.#kept)) {
      if (oldest.until > now && this.#kept.size <= this.#limits.answersMax) return;
      this.#forget();
    }
  }

  #forget(): void {
    const oldest = first(this.#kept)!;
    this.#kept.delete(oldest.name);
    if (oldest.tape.isWhole) this.#length -= oldest.tape.length;
  }
}

const first = (kept: ReadonlyMap<string, Kept>): Kept | undefined => kept.values().next().value;

/** Some dialects say the model, and whether to stream, outside of the body. */
const digestOf = ({ dialect, chat, body }: Question): string =>
  createHash('sha256').update(`${dialect.name}\n${chat.model}\n${chat.stream}\n`).update(body).digest('base64');

const badKey: Refusal = invalid('invalid_value', 'An Idempotency-Key is 1 to 255 visible ASCII characters, sent once.', 'Idempotency-Key');

/** SDKs try a 409 again by themselves, which would not help. */
const conflict = (code: string, message: string): Refusal => ({
  ...invalid(code, message, 'Idempotency-Key', 409),
  headers: { 'x-should-retry': 'false' },
});

const otherBody: Refusal = conflict(
  'idempotency_conflict',
  'This Idempotency-Key came with another request before. Send a new key with a new request.',
);

const notKept = (id: string): Refusal =>
  conflict(
    'idempotency_answer_not_kept',
    `The first request with this Idempotency-Key was answered (${id}), by more than is kept for repeats. Send a new key to ask again.`,
  );

const streamNotKept: Refusal = {
  ...invalid(
    'stream_not_kept',
    'The stream of this Last-Event-ID is not kept: it broke, it ended too long ago, it was too long, or it was asked without x-hindcast-resume: true. Ask again without Last-Event-ID.',
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
    message: 'Too many requests with an Idempotency-Key are being answered. Try again.',
    param: null,
  },
  headers: { 'retry-after': '1', 'x-should-retry': 'true' },
};
