/** One attempt at one target: sends the request, reads the answer whatever its framing, and keeps the whole of it for the record. */
import type { ChatRequest, ChatResponse, StreamEvent } from './core/chat.ts';
import { isContent } from './core/chat.ts';
import { collect, split } from './core/collect.ts';
import { estimateUsage } from './core/estimate.ts';
import type { AttemptRecord } from './core/exchange.ts';
import type { Failure } from './core/failure.ts';
import { isObject, type Json } from './core/json.ts';
import { cost, type Price } from './core/price.ts';
import type { Provider, RenderedRequest, SseEvent, StreamFlag, StreamParser } from './core/provider.ts';
import { measure, type Signals } from './core/signal.ts';
import type { Cancel, Clock, Instant } from './core/time.ts';
import type { AttemptCommand } from './drive.ts';
import { type Frames, sseFrames } from './frames.ts';
import type { UpstreamHandle, UpstreamListener } from './upstream.ts';

/** Longest silence between two events of a stream that has begun. */
export const streamIdleMs = 30_000;
/** How long a connection may linger after the answer's own end. */
const lingerMs = 1_000;
const failureBytesMax = 64 * 1024;

export interface AttemptContext {
  readonly command: AttemptCommand;
  readonly provider: Provider;
  readonly model: string;
  readonly providerName: string;
  readonly credential: string;
  readonly spanId: string;
  readonly request: ChatRequest;
  readonly rendered: RenderedRequest;
  readonly clock: Clock;
  readonly priceOf: (model: string, at: Instant) => Price | undefined;
  send(listener: UpstreamListener): UpstreamHandle;
}

/** What an attempt tells while it runs; exactly one of answered and failed comes last, unless it is aborted. */
export interface AttemptListener {
  opened(): void;
  /** In order, prelude included. `raw` is the event as the provider framed it. */
  delta(events: readonly StreamEvent[], raw: SseEvent | undefined): void;
  answered(signals: Signals): void;
  failed(failure: Failure): void;
}

type Mode =
  | { readonly type: 'json' }
  | { readonly type: 'failure' }
  | { readonly type: 'sse'; readonly frames: Frames; readonly parser: StreamParser };

export class Attempt {
  readonly context: AttemptContext;
  /** The whole answer, once it is there. */
  response: ChatResponse | undefined;
  readonly #listener: AttemptListener;
  readonly #startedAt: Instant;
  #handle: UpstreamHandle = { abort: () => {}, pause: () => {}, resume: () => {} };
  readonly #chunks: Uint8Array[] = [];
  readonly #arrivals: [number, number][] = [];
  readonly #events: StreamEvent[] = [];
  readonly #flags = new Set<StreamFlag>();
  #headers: Readonly<Record<string, string>> = {};
  #mode: Mode = { type: 'json' };
  #status = 0;
  #firstByteMs: number | undefined;
  #firstTokenMs: number | undefined;
  #endedAt: Instant | undefined;
  #failure: Failure | undefined;
  #signals: Signals = {};
  #heardAt: Instant;
  #idle: Cancel = () => {};

  constructor(context: AttemptContext, listener: AttemptListener) {
    this.context = context;
    this.#listener = listener;
    this.#startedAt = context.clock.now();
    this.#heardAt = this.#startedAt;
    this.#handle = context.send({
      headers: (status, headers) => this.#onHeaders(status, headers),
      chunk: bytes => this.#onChunk(bytes),
      end: () => this.#onEnd(),
      failed: failure => this.#fail(failure),
    });
  }

  /** With a failure when the router gives it up for one; without when its answer is no longer needed. */
  abort(failure?: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = failure;
    this.#close();
    this.#handle.abort();
  }

  pause(): void {
    this.#handle.pause();
  }

  resume(): void {
    this.#handle.resume();
  }

  /** The provider's JSON body as it came; for a caller of the same wire format. */
  bodyText(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  get isStream(): boolean {
    return this.#mode.type === 'sse';
  }

  get firstTokenMs(): number {
    return this.#firstTokenMs ?? this.context.clock.now() - this.#startedAt;
  }

  #onHeaders(status: number, headers: Readonly<Record<string, string>>): void {
    this.#status = status;
    this.#headers = headers;
    this.#firstByteMs = this.#elapsedMs();
    if (status < 200 || status >= 300) this.#mode = { type: 'failure' };
    else if (/^text\/event-stream/i.test(headers['content-type'] ?? '')) this.#mode = this.#sse();
  }

  #sse(): Mode {
    const parser = this.context.provider.parseStream();
    const overflow = (): void => this.#fail({ kind: 'invalid-response', message: 'an event of the stream is larger than 16 MiB' });
    const frames = sseFrames(event => this.#onEvent(parser, event), overflow);
    this.#watchIdle();
    return { type: 'sse', frames, parser };
  }

  #onChunk(bytes: Uint8Array): void {
    if (this.#endedAt !== undefined) return this.#handle.abort(); // bytes after the answer's own end: the connection is not to be trusted
    this.#chunks.push(bytes);
    this.#arrivals.push([this.#elapsedMs(), bytes.byteLength]);
    if (this.#mode.type === 'sse') this.#mode.frames.feed(bytes);
  }

  #onEvent(parser: StreamParser, event: SseEvent): void {
    if (this.#endedAt !== undefined) return;
    this.#heardAt = this.context.clock.now();
    const events = parser.parse(event);
    const failed = events.find(e => e.type === 'failure');
    if (failed) return this.#fail(failed.failure);
    this.#take(events, event);
    if (events.some(e => e.type === 'response-end')) {
      this.#complete(parser);
      const linger = this.context.clock.at(this.context.clock.now() + lingerMs, () => this.#handle.abort());
      this.#idle = linger;
    }
  }

  #take(events: readonly StreamEvent[], raw: SseEvent | undefined): void {
    this.#events.push(...events);
    const opens = this.#firstTokenMs === undefined && events.some(isContent);
    if (opens) this.#firstTokenMs = this.#elapsedMs();
    this.#listener.delta(events, raw);
    if (opens) this.#listener.opened();
  }

  #onEnd(): void {
    if (this.#endedAt !== undefined) return this.#idle();
    switch (this.#mode.type) {
      case 'failure': {
        const text = Buffer.concat(this.#chunks).subarray(0, failureBytesMax).toString();
        if (this.#status < 400) return this.#fail({ kind: 'invalid-response', message: `status ${this.#status}`, status: this.#status });
        return this.#fail(this.context.provider.parseFailure(this.#status, this.#headers, text));
      }
      case 'sse':
        this.#mode.frames.end();
        if (this.#endedAt === undefined) this.#complete(this.#mode.parser);
        return;
      case 'json':
        return this.#onJson();
    }
  }

  #onJson(): void {
    let body: Json;
    try {
      body = JSON.parse(this.bodyText()) as Json;
    } catch {
      const type = this.#headers['content-type'] ?? 'no content type';
      return this.#fail({ kind: 'invalid-response', message: `a 2xx answer of ${type} that is not JSON`, status: this.#status });
    }
    const parsed = this.context.provider.parseResponse(body);
    if ('kind' in parsed) return this.#fail(isObject(body) ? { status: this.#status, ...parsed } : parsed);
    if (!this.context.request.stream) return this.#answer(parsed);
    this.#flags.add('not_streamed');
    this.#take(split(parsed), undefined);
    this.#answer(parsed);
  }

  #complete(parser: StreamParser): void {
    const end = parser.end();
    if (!end.complete) {
      const garbage = this.#events.length === 0 && this.#chunks.length > 0;
      return this.#fail(garbage ? { kind: 'invalid-response', message: 'a stream without any event of its format' } : end.failure);
    }
    for (const flag of end.flags) this.#flags.add(flag);
    if (end.events.length > 0) this.#take(end.events, undefined);
    const response = collect(this.#events);
    if ('kind' in response) return this.#fail(response);
    this.#answer(response);
  }

  #answer(response: ChatResponse): void {
    this.#firstTokenMs ??= this.#elapsedMs();
    this.response = this.#withUsage(response);
    this.#signals = measure(this.context.request, response);
    this.#close();
    this.#listener.answered(this.#signals);
  }

  #fail(failure: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = failure;
    this.#close();
    this.#handle.abort();
    this.#listener.failed(failure);
  }

  #close(): void {
    this.#idle();
    this.#endedAt = this.context.clock.now();
  }

  #withUsage(response: ChatResponse): ChatResponse {
    if (response.usage) return response;
    this.#flags.add('usage_estimated');
    return { ...response, usage: estimateUsage(this.context.rendered.body.length, response) };
  }

  /** One timer that looks at the last event's time; re-arming it per event would cost more than the event. */
  #watchIdle(): void {
    const { clock } = this.context;
    this.#idle = clock.at(this.#heardAt + streamIdleMs, () => {
      if (clock.now() - this.#heardAt < streamIdleMs) this.#watchIdle();
      else this.#fail({ kind: 'timeout', message: `no event for ${streamIdleMs / 1000} s` });
    });
  }

  #elapsedMs(): number {
    return this.context.clock.now() - this.#startedAt;
  }

  /** What there is to record now; partial answers count what they had. */
  record(accepted: boolean): AttemptRecord {
    const { command, model, clock, request } = this.context;
    const partial = this.response ?? this.#partial();
    const usage = partial?.usage;
    const at = this.#startedAt;
    const served = partial?.model ?? '';
    const price = usage && (this.context.priceOf(served, at) ?? this.context.priceOf(model, at));
    return {
      number: command.attempt + 1,
      kind: command.kind,
      step: command.step,
      target: command.target,
      provider: this.context.providerName,
      model,
      servedModel: served,
      credential: this.context.credential,
      spanId: this.context.spanId,
      startedAt: at,
      endedAt: this.#endedAt ?? clock.now(),
      ...(this.#firstByteMs === undefined ? {} : { firstByteMs: this.#firstByteMs }),
      ...(this.#firstTokenMs === undefined ? {} : { firstTokenMs: this.#firstTokenMs }),
      status: this.#status,
      outcome: this.#failure?.kind ?? (this.response ? 'ok' : 'aborted'),
      ...(this.#failure ? { failure: this.#failure } : {}),
      accepted,
      request: Buffer.from(this.context.rendered.body),
      response: Buffer.concat(this.#chunks),
      chunks: this.#arrivals,
      providerRequestId: this.#headers['x-request-id'] ?? this.#headers['request-id'] ?? '',
      ...(partial?.choices[0] && this.response ? { finish: partial.choices[0].finish } : {}),
      ...(usage ? { usage } : {}),
      ...(usage && price ? { cost: cost(usage, price) } : {}),
      signals: this.response ? this.#signals : measure(request, partial ?? { id: '', model: '', choices: [] }),
      warnings: this.context.rendered.warnings,
      flags: [...this.#flags],
    };
  }

  /** A cut stream's answer so far. Its tokens were paid for, so they are estimated when the provider had not told yet. */
  #partial(): ChatResponse | undefined {
    if (!this.#events.some(isContent)) return undefined;
    const response = collect(this.#events);
    return 'kind' in response ? undefined : this.#withUsage(response);
  }
}
