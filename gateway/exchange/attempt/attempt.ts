/** One attempt at one target: sends the request, watches over the answer's arrival, and keeps the whole of it for the record. */

import type { ChatResponse, StreamEvent, Usage } from '../../core/chat/chat.ts';
import { isContentEvent } from '../../core/chat/chat.ts';
import type { SseEvent, StreamFlag } from '../../core/chat/provider.ts';
import type { AttemptRecord } from '../../core/exchange.ts';
import { costOf, priceAtTier } from '../../core/money/price.ts';
import { estimateTokensByLength, tokenizableCall, usageAtLeast, usageFromCounts } from '../../core/money/token-estimate.ts';
import { type Failure, type FailureKind, noRoomFailures } from '../../core/shared/failure.ts';
import type { Cancel, Instant, Milliseconds } from '../../core/shared/time.ts';
import { measureSignalsAndFeatures } from '../../core/signals/features.ts';
import type { Signals } from '../../core/signals/names.ts';
import { type ReportedRateLimits, rateLimitsOf } from '../../core/targets/rate-limit-headers.ts';
import { isRetryAfterUnreadable } from '../../core/targets/retry-after.ts';
import type { TokenCounter } from '../../tokens/counter.ts';
import { estimateUsage } from '../../tokens/estimate-usage.ts';
import type { UpstreamHandle, UpstreamListener } from '../../transport/upstream.ts';
import { warningsOf } from '../routed-request.ts';
import type { AttemptContext, AttemptListener } from './attempt-contract.ts';
import { type ProviderResponseListener, ProviderResponseReader } from './provider-response-reader.ts';
import { type ResponseIdentity, withIdentity } from './response-identity.ts';

/** How long a stream may live on pings and comments alone. */
const pingsOnlyMs: Milliseconds = 600_000;
/** How long a connection may linger after the answer's own end. */
const lingerMs: Milliseconds = 1_000;
const noHandle: UpstreamHandle = { abort: () => {}, pause: () => {}, resume: () => {} };

export class Attempt implements UpstreamListener, ProviderResponseListener {
  readonly context: AttemptContext;
  /** The whole answer, once it is there. */
  response: ChatResponse | undefined;
  readonly #listener: AttemptListener<Attempt>;
  readonly #reader: ProviderResponseReader;
  readonly #startedAt: Instant;
  #handle = noHandle;
  readonly #arrivals: [number, number][] = [];
  readonly #flags = new Set<StreamFlag>();
  #firstByteMs: Milliseconds | undefined;
  #firstTokenMs: Milliseconds | undefined;
  #endedAt: Instant | undefined;
  #failure: Failure | undefined;
  #signals: Signals = {};
  /** What it used, when its provider did not say. */
  #estimatedUsage: Usage | undefined;
  #lastActivityAt: Instant;
  #lastEventAt: Instant;
  #isPaused = false;
  /** The last byte came; nothing lingers. */
  #isBodyComplete = false;
  #cancelTimer: Cancel = () => {};

  constructor(context: AttemptContext, listener: AttemptListener<Attempt>) {
    this.context = context;
    this.#listener = listener;
    this.#startedAt = this.#lastActivityAt = this.#lastEventAt = context.clock.now();
    this.#reader = new ProviderResponseReader(context.provider, context.prepared, this);
  }

  /** Sends the request. Apart from the constructor: some upstreams answer within the call. */
  start(): void {
    this.#handle = this.context.send(this);
  }

  /** With a failure when the router gives it up for one; without when its answer is no longer needed. */
  abort(failure?: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = failure;
    this.#close();
    this.#handle.abort();
  }

  /** The caller takes no more for now; the silence that follows is not the provider's. */
  pause(): void {
    this.#isPaused = true;
    this.#handle.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lastActivityAt = this.#lastEventAt = this.context.clock.now();
    this.#handle.resume();
  }

  /** The provider's JSON body as it came, for a caller of the same wire format; undefined when the answer was streamed. */
  get body(): Buffer | undefined {
    return this.#reader.isStream ? undefined : this.#reader.body();
  }

  bodyText(): string | undefined {
    return this.#reader.isStream ? undefined : this.#reader.text();
  }

  /** Rate limits of key and model as reported by the provider; undefined without them. */
  get limitsSeen(): ReportedRateLimits | undefined {
    return rateLimitsOf(this.#reader.headers);
  }

  flag(flag: StreamFlag): void {
    this.#flags.add(flag);
  }

  /** Until the first content, or until now. */
  get firstTokenMs(): Milliseconds {
    return this.#firstTokenMs ?? this.elapsedMs;
  }

  /** Whether it has shown content. */
  get hasOpened(): boolean {
    return this.#firstTokenMs !== undefined;
  }

  get isEnded(): boolean {
    return this.#endedAt !== undefined;
  }

  headers(status: number, headers: Readonly<Record<string, string>>): void {
    this.#firstByteMs = this.elapsedMs;
    if (status >= 400 && isRetryAfterUnreadable(headers)) this.#flags.add('unreadable_wait');
    this.#reader.onHeaders(status, headers);
  }

  chunk(bytes: Uint8Array): void {
    if (this.#endedAt === undefined) {
      const full = this.context.account?.take(bytes.byteLength);
      if (full) return this.#fail(noRoomFailures[full]);
      this.#arrivals.push([this.elapsedMs, bytes.byteLength]);
    }
    this.#reader.onChunk(bytes);
  }

  end(): void {
    this.#isBodyComplete = true;
    if (this.#endedAt !== undefined) this.#cancelTimer();
    this.#reader.onEnd();
  }

  failed(failure: Failure): void {
    this.#reader.onCut(failure);
  }

  onActivity(): void {
    this.#lastActivityAt = this.context.clock.now();
  }

  onExcess(): void {
    this.#handle.abort();
  }

  onFailure(failure: Failure): void {
    this.#fail(failure);
  }

  #withIdentity<Identified extends ResponseIdentity>(identified: Identified): Identified {
    return withIdentity(identified, this.context.spanId, this.context.model);
  }

  onEvents(received: readonly StreamEvent[], raw: SseEvent | undefined): void {
    if (this.#endedAt !== undefined) return;
    const events = received.some(isStart) ? received.map(event => (isStart(event) ? this.#withIdentity(event) : event)) : received;
    if (events.length > 0) this.#lastEventAt = this.context.clock.now();
    const opens = this.#firstTokenMs === undefined && events.some(isContentEvent);
    if (opens) this.#firstTokenMs = this.elapsedMs;
    this.#listener.events(this, events, raw);
    // A caller that waits for the whole answer has read nothing yet, so that one can still be replaced.
    if (!opens || !this.context.prepared.chat.stream) return;
    this.#watchSilence();
    this.#listener.opened(this);
  }

  onComplete(response: ChatResponse, flags: readonly StreamFlag[]): void {
    if (this.#endedAt !== undefined) return;
    for (const flag of flags) this.#flags.add(flag);
    this.#firstTokenMs ??= this.elapsedMs;
    this.response = this.#withIdentity(this.#withUsage(response, true));
    this.#signals = measureSignalsAndFeatures(this.context.prepared.chat, response);
    this.#close();
    const { clock } = this.context;
    // A timer for each answer would hold all that belongs to it for another second.
    if (!this.#isBodyComplete) this.#cancelTimer = clock.at(clock.now() + lingerMs, () => this.#handle.abort());
    this.#listener.answered(this, this.#signals);
  }

  #fail(failure: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = this.context.redact.failure(this.#reclassifyOurs(failure));
    this.#close();
    this.#handle.abort();
    this.#listener.failed(this, this.#failure);
  }

  /** A target that refuses log-probabilities added by the gateway does not refuse the caller's request. */
  #reclassifyOurs(failure: Failure): Failure {
    const isOurs =
      this.context.prepared.addedLogprobs && failure.kind === 'invalid-request' && /logprob/i.test(`${failure.param} ${failure.message}`);
    return isOurs ? { ...failure, kind: 'unsupported' } : failure;
  }

  #close(): void {
    this.#cancelTimer();
    this.#endedAt = this.context.clock.now();
  }

  /** One timer that looks at the last event's time; re-arming it per event would cost more than the event. */
  #watchSilence(): void {
    const { clock, idleMs } = this.context;
    const due = Math.min(this.#lastActivityAt + idleMs, this.#lastEventAt + pingsOnlyMs);
    this.#cancelTimer = clock.at(Math.max(due, clock.now() + (this.#isPaused ? idleMs : 0)), () => {
      const now = clock.now();
      const isSilent = now - this.#lastActivityAt >= idleMs || now - this.#lastEventAt >= pingsOnlyMs;
      if (this.#isPaused || !isSilent) this.#watchSilence();
      else this.#reader.onCut({ kind: 'timeout', message: `the stream stood still for ${Math.round((now - this.#lastEventAt) / 1000)} s` });
    });
  }

  get elapsedMs(): Milliseconds {
    return this.context.clock.now() - this.#startedAt;
  }

  #withUsage(response: ChatResponse, isWhole: boolean): ChatResponse {
    const reported = response.usage;
    if (reported && isWhole) return response;
    const estimated =
      this.#estimatedUsage ?? usageFromCounts(tokenizableCall(this.context.prepared.chat, response), estimateTokensByLength);
    const usage = reported ? usageAtLeast(reported, estimated) : estimated;
    if (usage.source === 'estimated') this.#flags.add('usage_estimated');
    return { ...response, usage };
  }

  /** Whether usage is missing though the call is billed: it was sent and not refused. */
  get isUsageUnknown(): boolean {
    if (this.response) return this.response.usage?.source !== 'provider';
    const { status } = this.#reader;
    const isReceived = status === 0 || (status >= 200 && status < 300);
    return isReceived && (this.#failure === undefined || possiblyBilled.includes(this.#failure.kind));
  }

  async estimateUsage(counter: TokenCounter | undefined): Promise<void> {
    const { model, prepared } = this.context;
    const { response } = this;
    this.#estimatedUsage = await estimateUsage(counter, response?.model || model, prepared.chat, response ?? this.#reader.partial());
    if (response) this.response = { ...response, usage: this.#estimatedUsage };
  }

  /** What there is to record now; partial answers count what they had, for it was paid for. */
  record(accepted: boolean): AttemptRecord {
    const { command, prepared, model, credential, spanId, providerName } = this.context;
    const reader = this.#reader;
    const partial = this.response ?? reader.partial();
    const counted = this.response ?? (partial && this.#withUsage(partial, false));
    if (!counted && this.#estimatedUsage) this.#flags.add('usage_estimated');
    const at = this.#startedAt;
    const usage = counted ? counted.usage : this.#estimatedUsage;
    const price = usage && ((counted?.model && this.context.priceOf(counted.model, at)) || this.context.priceOf(model, at));
    const cost = usage && costOf(usage, priceAtTier(price, counted?.serviceTier));
    const finish = this.response?.choices[0]?.finish;
    const record: { -readonly [Member in keyof AttemptRecord]: AttemptRecord[Member] } = {
      number: command.attempt + 1,
      kind: command.kind,
      step: command.step,
      target: command.target,
      provider: providerName,
      model,
      servedModel: counted?.model ?? '',
      credential,
      spanId,
      startedAt: at,
      endedAt: this.#endedAt ?? this.context.clock.now(),
      status: reader.status,
      outcome: this.#failure?.kind ?? (this.response ? 'ok' : 'aborted'),
      accepted,
      request: this.context.bodyBytes,
      response: reader.body(),
      chunks: this.#arrivals,
      providerRequestId: reader.headers['x-request-id'] ?? reader.headers['request-id'] ?? reader.headers['x-amzn-requestid'] ?? '',
      signals: this.response ? this.#signals : partial ? measureSignalsAndFeatures(prepared.chat, partial) : {},
      warnings: warningsOf(prepared, accepted ? this.response : undefined),
      flags: this.#flags.size === 0 ? noFlags : [...this.#flags],
    };
    if (this.#firstByteMs !== undefined) record.firstByteMs = this.#firstByteMs;
    if (this.#firstTokenMs !== undefined) record.firstTokenMs = this.#firstTokenMs;
    if (this.#failure) record.failure = this.#failure;
    if (finish) record.finish = finish;
    if (usage) record.usage = usage;
    if (cost) record.cost = cost;
    if (counted?.serviceTier) record.serviceTier = counted.serviceTier;
    return record;
  }
}

const noFlags: readonly StreamFlag[] = [];
const isStart = (event: StreamEvent): event is StreamEvent & { type: 'response-start' } => event.type === 'response-start';
/** What a provider may have worked on before it came to nothing. */
const possiblyBilled: readonly FailureKind[] = ['timeout', 'truncated', 'cancelled'];
