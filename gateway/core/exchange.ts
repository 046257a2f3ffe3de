/** The whole record of one request: what the recorder writes, replay reads and eval judges. */

import type { Finish, Usage } from './chat/chat.ts';
import type { StreamFlag, Warning } from './chat/provider.ts';
import type { Cost } from './money/price.ts';
import type { RouteEvent, RouteOutcome, RoutePolicy } from './routing/router.ts';
import { type Failure, type FailureKind, failureLabel } from './shared/failure.ts';
import type { Instant, Milliseconds } from './shared/time.ts';
import type { Feedback } from './signals/feedback.ts';
import type { Signals } from './signals/names.ts';
import type { AttemptKind } from './targets/attempt-kind.ts';

export interface Exchange {
  /** Lower-case hyphenated UUIDv7; also the seed of every coin of its routing. */
  readonly id: string;
  readonly receivedAt: Instant;
  readonly endedAt: Instant;
  readonly caller: Caller;
  readonly trace: TraceIds;
  readonly operation: Operation;
  /** The caller's wire format. */
  readonly dialect: string;
  readonly requestedModel: string;
  readonly policy: RoutePolicy;
  readonly configHash: string;
  readonly stream: boolean;
  /** The caller's body, byte for byte. */
  readonly request: Uint8Array;
  /** Allow-listed headers of the caller; never a credential. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** What the caller was sent, byte for byte, as far as it was sent. */
  readonly response: Uint8Array;
  /** Of the same, taken where it was handed to the caller; absent where nobody took it. */
  readonly delivered?: DeliveryDigest;
  /** Status the caller saw, 0 when it left before any. */
  readonly status: number;
  readonly outcome: ExchangeOutcome;
  readonly decision: RouteOutcome;
  /** What the router heard, in order; folding it again gives its state. */
  readonly events: readonly RouteEvent[];
  readonly attempts: readonly AttemptRecord[];
  readonly finish?: Finish;
  /** Of everything that was paid for, every attempt summed. */
  readonly usage?: Usage;
  readonly costNanoUsd?: number;
  /** From arrival to the first content byte the caller was sent. */
  readonly firstTokenMs?: Milliseconds;
  /** Time the gateway itself took: total less the time some attempt was under way or a rate limit was waited for. */
  readonly overheadMs: Milliseconds;
  /** What it waited for rate limits of providers; absent when it did not. */
  readonly queuedMs?: Milliseconds;
  /** How long content of the answer that was given lay ready before the caller was sent any: what judging it costs. Absent when none was held. */
  readonly heldMs?: Milliseconds;
  readonly warnings: readonly Warning[];
  readonly flags: readonly StreamFlag[];
  /** The id of the original exchange, when this one is a replay. */
  readonly replayOf?: string;
  /** How likely it was that this copy was asked at all: what shares are drawn with, and eval divides by. Absent for all but copies. */
  readonly auditProbability?: number;
  /** The replay run it belongs to. */
  readonly run?: string;
  /** What the run asked in the original's place: a target, `config:FILE` or a URL, as `--against` named it. */
  readonly arm?: string;
  /** From 0: which of several askings of the same arm. */
  readonly repeat?: number;
  /** Bodies are not as they went over the wire. */
  readonly redaction?: Redaction & { /** Hex, of what the caller was sent. */ readonly deliveredSha256: string };
}

/** Proves what a record holds: the bytes as the caller was handed them, and in how many pieces. */
export interface DeliveryDigest {
  /** Hex. */
  readonly sha256: string;
  readonly events: number;
  readonly bytes: number;
}

/** That something was taken out of a record before it was kept: what rules found, or every text. */
export interface Redaction {
  readonly type: 'rules' | 'metadata';
  /** What rules found in request and response. */
  readonly count: number;
  /** Before that. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What was asked for: the conventions' name where they have one. The last ones pass through to a provider unread. */
export type Operation =
  | 'chat'
  | 'text_completion'
  | 'embeddings'
  | 'images'
  | 'speech'
  | 'transcription'
  | 'translation'
  | 'moderation'
  | 'rerank'
  | 'files'
  | 'batches';

export interface Caller {
  readonly tenant: string;
  readonly project: string;
  /** The key's user, or the end user that the request names. */
  readonly user: string;
  /** The key's name in the config, '' without keys. */
  readonly key: string;
  /** The caller's own id for the request, when it sent one. */
  readonly requestId: string;
  readonly conversation: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** W3C ids, lower-case hex; `parentSpanId` is '' when the trace starts here. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}

/** As in the store's `requests.outcome`. */
export type ExchangeOutcome =
  | 'ok'
  | 'client_error'
  | 'upstream_error'
  | 'timeout'
  | 'cancelled'
  | 'rate_limited'
  | 'budget'
  | 'internal'
  | 'truncated';

export interface AttemptRecord {
  /** From 1, in the order they were started; the store keeps 0 for the caller's own bytes. */
  readonly number: number;
  readonly kind: AttemptKind;
  /** The step of the policy it belongs to. */
  readonly step: number;
  /** provider/model, as the policy named it. */
  readonly target: string;
  readonly provider: string;
  readonly model: string;
  /** The model that answered, '' when it did not say. */
  readonly servedModel: string;
  /** Fingerprint of the provider key in use, '' for none. */
  readonly credential: string;
  readonly spanId: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** After `startedAt`: response headers, first content. */
  readonly firstByteMs?: Milliseconds;
  readonly firstTokenMs?: Milliseconds;
  /** Upstream's HTTP status, 0 when there was none. */
  readonly status: number;
  readonly outcome: 'ok' | 'aborted' | FailureKind;
  readonly failure?: Failure;
  readonly accepted: boolean;
  /** What was sent and what came back, byte for byte; without credentials. */
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  /** Arrival of each body chunk: milliseconds after `startedAt`, and its length in bytes. */
  readonly chunks: readonly (readonly [afterMs: Milliseconds, bytes: number])[];
  readonly providerRequestId: string;
  readonly finish?: Finish;
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly signals: Signals;
  readonly warnings: readonly Warning[];
  readonly flags: readonly StreamFlag[];
  readonly redaction?: Redaction;
}

/** An attempt's outcome as records and metrics write it. */
export const outcomeLabel = ({ outcome }: Pick<AttemptRecord, 'outcome'>): string =>
  outcome === 'ok' || outcome === 'aborted' ? outcome : failureLabel(outcome);

declare const sealed: unique symbol;
/** Proof that an exchange's record is as safe as `recorder.durability` promises; the writer of an answer's last bytes asks for it. */
export interface Sealed {
  readonly [sealed]: true;
}

/** Where finished exchanges go. The gateway is handed one and knows nothing of what is behind it. */
export interface ExchangeSink {
  record(exchange: Exchange): Promise<Sealed>;
  /** What is said of an exchange afterwards; absent where nothing can be kept. */
  feedback?(feedback: Feedback): Promise<Sealed>;
  /** Why nothing can be recorded now, when `when_full: refuse` forbids to go on; undefined when all is well. */
  refusal(): string | undefined;
  /** Records given up since the start, under `when_full: drop`. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** For sinks only: the one place where a Sealed is made. */
export const seal = (): Sealed => ({}) as Sealed;
