/** The record of one exchange: request, response and attempts. The recorder writes it, replay reads it, eval judges it. */

import type { Finish, Usage } from './chat/chat.ts';
import type { RawRequest, StreamFlag, Warning } from './chat/provider.ts';
import type { Cost, PriceState } from './money/price.ts';
import type { RouteEvent, RouteOutcome, RoutePolicy } from './routing/router.ts';
import { type Failure, type FailureKind, failureLabel } from './shared/failure.ts';
import type { Instant, Milliseconds } from './shared/time.ts';
import type { Feedback } from './signals/feedback.ts';
import type { Signals } from './signals/names.ts';
import type { AttemptKind } from './targets/attempt-kind.ts';

/** One request of a caller with its response, decisions, attempts and costs, as recorded. Times are milliseconds, costs nano-dollars. */
export interface Exchange {
  /** Lower-case hyphenated UUIDv7; it also seeds every random choice of its routing. */
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
  /** The bytes sent to the caller, as far as they were sent. */
  readonly response: Uint8Array;
  /** Digest of the response as delivered; absent where it was not taken. */
  readonly delivered?: DeliveryDigest;
  /** Status sent to the caller; 0 when it disconnected before. */
  readonly status: number;
  readonly outcome: ExchangeOutcome;
  readonly decision: RouteOutcome;
  /** The router's events in order; folding them again gives its state. */
  readonly events: readonly RouteEvent[];
  readonly attempts: readonly AttemptRecord[];
  readonly finish?: Finish;
  /** Summed over all attempts. */
  readonly usage?: Usage;
  readonly costNanoUsd?: number;
  /** From arrival to the first content byte sent to the caller. */
  readonly firstTokenMs?: Milliseconds;
  /** Time taken by the gateway: the total minus the time in attempts and rate-limit queues. */
  readonly overheadMs: Milliseconds;
  /** Time queued for providers' rate limits; absent when it was not queued. */
  readonly queuedMs?: Milliseconds;
  /**
   * How long the response's content was buffered before the first byte was sent: the latency added by judging. Absent when nothing was
   * buffered.
   */
  readonly heldMs?: Milliseconds;
  readonly warnings: readonly Warning[];
  readonly flags: readonly StreamFlag[];
  /** The id of the original exchange, when this one is a replay. */
  readonly replayOf?: string;
  /** The probability with which this shadow call was sampled; eval divides by it. Absent for other exchanges. */
  readonly auditProbability?: number;
  /** The replay run it belongs to. */
  readonly run?: string;
  /** What the run used in place of the original: a target, `config:FILE` or a URL, as `--against` named it. */
  readonly arm?: string;
  /** From 0: the number of the repeat within the arm. */
  readonly repeat?: number;
  /** Set when the recorded bodies differ from the bytes on the wire. */
  readonly redaction?: Redaction & { /** Hex, of what the caller was sent. */ readonly deliveredSha256: string };
}

/** Evidence for a record's completeness: digest and counts of the delivered bytes. */
export interface DeliveryDigest {
  /** Hex. */
  readonly sha256: string;
  readonly events: number;
  readonly bytes: number;
}

/** Records what was removed before storing: matches of rules, or all text. */
export interface Redaction {
  readonly type: 'rules' | 'metadata';
  /** Matches of rules in request and response. */
  readonly count: number;
  /** Size before redaction. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** The GenAI conventions' operation name where they have one. The last ones pass through to a provider unparsed. */
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
  | 'batches'
  | 'responses';

/** The caller of an exchange, from its key, its headers and its body. */
export interface Caller {
  readonly tenant: string;
  readonly project: string;
  /** The key's user, or the end user that the request names. */
  readonly user: string;
  /** The key's name in the config, '' without keys. */
  readonly key: string;
  /** The caller's own request id, when it sent one. */
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

/** One call of a target, with its bytes, times, usage, cost and signals. */
export interface AttemptRecord {
  /** From 1, in starting order; the store uses 0 for the caller's own bytes. */
  readonly number: number;
  readonly kind: AttemptKind;
  /** The index of its step in the policy. */
  readonly step: number;
  /** provider/model, as the policy named it. */
  readonly target: string;
  readonly provider: string;
  readonly model: string;
  /** The model that responded, '' when unknown. */
  readonly servedModel: string;
  /** Fingerprint of the provider key in use, '' for none. */
  readonly credential: string;
  readonly spanId: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** After `startedAt`: response headers, first content. */
  readonly firstByteMs?: Milliseconds;
  readonly firstTokenMs?: Milliseconds;
  /** The provider's HTTP status, 0 when there was none. */
  readonly status: number;
  readonly outcome: 'ok' | 'aborted' | FailureKind;
  readonly failure?: Failure;
  readonly accepted: boolean;
  /** Bytes sent and received, without credentials. */
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  /** Arrival of each body chunk: milliseconds after `startedAt`, and its length in bytes. */
  readonly chunks: readonly (readonly [afterMs: Milliseconds, bytes: number])[];
  readonly providerRequestId: string;
  readonly finish?: Finish;
  readonly usage?: Usage;
  readonly cost?: Cost;
  /** The service tier that served it, as the provider names it. */
  readonly serviceTier?: string;
  readonly signals: Signals;
  readonly warnings: readonly Warning[];
  readonly flags: readonly StreamFlag[];
  readonly redaction?: Redaction;
}

/** An attempt's outcome as the label of records and metrics. */
export const outcomeLabel = ({ outcome }: Pick<AttemptRecord, 'outcome'>): string =>
  outcome === 'ok' || outcome === 'aborted' ? outcome : failureLabel(outcome);

/** How an attempt's cost came to be known; undefined when it used nothing that is billed. */
export const priceStateOf = ({ usage, cost }: Pick<AttemptRecord, 'usage' | 'cost'>): PriceState | undefined =>
  cost ? (cost.state ?? 'table') : usage && 'unknown';

declare const sealed: unique symbol;
/** Proof that an exchange is recorded as safely as `recorder.durability` promises. Required to send a response's last bytes. */
export interface Sealed {
  readonly [sealed]: true;
}

/** Where finished exchanges are recorded. The gateway receives one and does not know the implementation. */
export interface ExchangeSink {
  /** `parsedRequest` is what `exchange.request` says where it has been read already, so that the sink need not read it again. */
  record(exchange: Exchange, parsedRequest?: RawRequest): Promise<Sealed>;
  /** Records a later score of an exchange; absent where nothing is kept. */
  feedback?(feedback: Feedback): Promise<Sealed>;
  /** Why `when_full: refuse` forbids new requests now; undefined when recording works. */
  refusal(): string | undefined;
  /** Records dropped since the start, under `when_full: drop`. */
  readonly dropped: number;
  /** Makes what was recorded ready to be stored at once; absent where nothing waits. */
  flush?(): Promise<void>;
  close(): Promise<void>;
}

/** For sinks only, the one place that creates a Sealed. */
export const seal = (): Sealed => ({}) as Sealed;
