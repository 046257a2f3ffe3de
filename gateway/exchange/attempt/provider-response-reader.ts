import { type ChatRequest, type ChatResponse, isContentEvent, type StreamEvent } from '../../core/chat/chat.ts';
import { collectResponse, eventsOf } from '../../core/chat/collect.ts';
import type { Json } from '../../core/chat/json.ts';
import { brokenAnswer, noAnswerIn } from '../../core/chat/no-answer.ts';
import type { Provider, SseEvent, StreamFlag, StreamParser } from '../../core/chat/provider.ts';
import { stripCodeFence } from '../../core/chat/strip-code-fence.ts';
import { restoringTools } from '../../core/chat/tool-forms.ts';
import { type Failure, internalFailure } from '../../core/shared/failure.ts';
import { exhaustedMs } from '../../core/targets/rate-limit-headers.ts';
import { retryAfterMs } from '../../core/targets/retry-after.ts';
import type { FrameDecoder } from '../../transport/aws-event-stream.ts';
import { frameDecoderFor } from '../../transport/frames.ts';
import type { PreparedRequest } from '../contract.ts';

/** Exactly one of onComplete and onFailure, once, and nothing but `onExcess` after it. */
export interface ProviderResponseListener {
  /** The provider is alive: an event, a ping or a comment came. */
  onActivity(): void;
  /** In order, prelude included. `raw` is the event as the provider framed it, undefined for what never was an event. */
  onEvents(events: readonly StreamEvent[], raw: SseEvent | undefined): void;
  onComplete(response: ChatResponse, flags: readonly StreamFlag[]): void;
  onFailure(failure: Failure): void;
  /** Bytes came after the answer's own end: the connection is not to be trusted. */
  onExcess(): void;
}

const failureBytesMax = 64 * 1024;
/** So much may come before the first content; a provider that sends more has nothing to say. */
const preludeLengthMax = 64 * 1024;

const streamTypes = { sse: /^text\/event-stream/i, 'aws-eventstream': /^application\/vnd\.amazon\.eventstream/i } as const;

type Mode =
  | { readonly type: 'json' }
  | { readonly type: 'refusal' }
  | { readonly type: 'stream'; readonly frames: FrameDecoder; readonly parser: StreamParser };

/** Reads one provider response, streaming or not, and calls the listener with content, the end, or the failure. */
export class ProviderResponseReader {
  status = 0;
  headers: Readonly<Record<string, string>> = {};
  readonly #provider: Provider;
  readonly #chat: ChatRequest;
  readonly #listener: ProviderResponseListener;
  readonly #chunks: Buffer[] = [];
  readonly #events: StreamEvent[] = [];
  #bytes = 0;
  #text: string | undefined;
  #mode: Mode = { type: 'json' };
  #hasContent = false;
  #preludeLength = 0;
  #isOver = false;
  #isEnding = false;

  constructor(
    provider: Provider,
    prepared: Pick<PreparedRequest, 'chat' | 'emulatesJson' | 'toolNames' | 'freeformTools'>,
    listener: ProviderResponseListener,
  ) {
    this.#provider = restoringTools(prepared.emulatesJson ? stripCodeFence(provider) : provider, prepared);
    this.#chat = prepared.chat;
    this.#listener = listener;
  }

  get isStream(): boolean {
    return this.#mode.type === 'stream';
  }

  body(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** A body that came whole, as text. */
  text(): string {
    this.#text ??= this.body().toString();
    return this.#text;
  }

  /** The partial response of a truncated stream; undefined without content or usage. */
  partial(): ChatResponse | undefined {
    if (!this.#hasContent && !this.#events.some(e => e.type === 'usage')) return undefined;
    const response = collectResponse(this.#events);
    return 'kind' in response ? undefined : response;
  }

  onHeaders(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    if (status < 200 || status >= 300) this.#mode = { type: 'refusal' };
    else if (streamTypes[this.#provider.framing].test(headers['content-type'] ?? '')) this.#mode = this.#stream();
  }

  onChunk(bytes: Uint8Array): void {
    if (this.#isOver) return this.#listener.onExcess();
    this.#chunks.push(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#bytes += bytes.byteLength;
    if (this.#mode.type === 'json' && this.#chat.stream && this.#chunks.length === 1 && this.#looksLikeEvents())
      this.#mode = this.#stream();
    const mode = this.#mode;
    if (mode.type === 'stream') this.#feed(mode.frames, bytes);
    if (mode.type === 'refusal' && this.#bytes > failureBytesMax) this.#onRefusal();
  }

  /** Servers that name no content type, or the wrong one, send events all the same. */
  #looksLikeEvents(): boolean {
    return this.#provider.framing === 'sse' && /^\s{0,9}(?:data|event|id|retry)?:/.test(this.#chunks[0]!.toString('latin1', 0, 64));
  }

  onEnd(): void {
    if (this.#isOver) return;
    const mode = this.#mode;
    if (mode.type === 'refusal') return this.#onRefusal();
    try {
      if (mode.type === 'json') return this.#readJson();
      this.#isEnding = true;
      mode.frames.end();
      if (!this.#isOver) this.#finishStream(mode.parser);
    } catch (problem) {
      this.#onMistake(problem);
    }
  }

  /** Nothing more comes: the connection broke or stands still. A complete response stays complete; an error response is complete with its status. */
  onCut(failure: Failure): void {
    const mode = this.#mode;
    if (this.#isOver) return;
    if (mode.type === 'refusal') return this.#onRefusal();
    this.#guarded(() => (mode.type === 'stream' ? this.#finishStream(mode.parser, failure) : this.#fail(failure)));
  }

  #stream(): Mode {
    const parser = this.#provider.parseStream();
    const frames = frameDecoderFor(this.#provider.framing, {
      event: event => this.#onEvent(parser, event),
      comment: () => this.#listener.onActivity(),
      overflow: () =>
        this.#fail({ kind: 'invalid-response', message: 'an event of the stream is larger than 16 MiB', status: this.status }),
      corrupt: reason => this.#fail({ kind: 'invalid-response', message: reason, status: this.status }),
    });
    return { type: 'stream', frames, parser };
  }

  #onEvent(parser: StreamParser, event: SseEvent): void {
    if (this.#isOver) return this.#listener.onExcess();
    this.#listener.onActivity();
    const events = parser.parse(event);
    const failed = events.find(e => e.type === 'failure');
    if (failed) {
      const { failure } = failed;
      // Half an event at the end of the body is no nonsense of the provider's: the rest of it did not arrive.
      const isHalf = this.#isEnding && failure.kind === 'invalid-response';
      return this.#finishStream(parser, isHalf ? { ...failure, kind: 'truncated' } : failure);
    }
    const broken = events.find(e => e.type === 'choice-end' && e.finish.reason === 'error');
    if (broken?.type === 'choice-end') return this.#fail({ ...brokenAnswer(broken.finish), status: this.status });
    this.#emit(events, event);
    if (events.some(e => e.type === 'response-end')) this.#finishStream(parser);
  }

  #emit(events: readonly StreamEvent[], raw: SseEvent | undefined): void {
    for (const event of events) this.#events.push(event);
    if (!this.#hasContent) {
      this.#hasContent = events.some(isContentEvent);
      this.#preludeLength += raw?.data.length ?? 0;
      if (!this.#hasContent && this.#preludeLength > preludeLengthMax) {
        return this.#fail({ kind: 'invalid-response', message: '64 KiB of a stream without any content', status: this.status });
      }
    }
    this.#listener.onEvents(events, raw);
  }

  #finishStream(parser: StreamParser, cut?: Failure): void {
    const end = parser.end();
    if (!end.complete) {
      const isGarbage = this.#events.length === 0 && this.#bytes > 0;
      const garbage: Failure = { kind: 'invalid-response', message: 'a stream without any event of its format', status: this.status };
      return this.#fail(cut ?? (isGarbage ? garbage : end.failure));
    }
    if (end.events.length > 0) this.#emit(end.events, undefined);
    const response = collectResponse(this.#events);
    const failure = 'kind' in response ? response : noAnswerIn(response, this.#chat);
    if (failure) return this.#fail({ status: this.status, ...failure });
    this.#complete(response as ChatResponse, end.flags);
  }

  #readJson(): void {
    let body: Json;
    try {
      body = JSON.parse(this.text()) as Json;
    } catch {
      const { 'content-type': type = 'no content type', 'content-encoding': coding } = this.headers;
      const message = `an answer of ${type}${coding === undefined ? '' : `, ${coding}`} that is not JSON`;
      return this.#fail({ kind: 'invalid-response', message, status: this.status });
    }
    const response = this.#provider.parseResponse(body);
    if ('kind' in response) {
      const waitMs = retryAfterMs(this.headers);
      return this.#fail({ status: this.status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }), ...response });
    }
    const none = noAnswerIn(response, this.#chat);
    if (none) return this.#fail({ status: this.status, ...none });
    if (!this.#chat.stream) return this.#complete(response, []);
    this.#emit(eventsOf(response), undefined);
    this.#complete(response, ['not_streamed']);
  }

  #onRefusal(): void {
    this.#guarded(() => {
      const { status, headers } = this;
      if (status < 400) return this.#fail({ kind: 'invalid-response', message: `status ${status}`, status });
      const text = this.body().subarray(0, failureBytesMax).toString();
      const retryHeader = headers['x-should-retry']?.trim().toLowerCase();
      const shouldRetry = retryHeader === 'true' || retryHeader === 'false' ? { shouldRetry: retryHeader === 'true' } : {};
      const failure = this.#provider.parseFailure(status, headers, text);
      // Who named no wait may have named the limit that is used up, and when it is there again.
      const waitMs = failure.kind === 'rate-limited' && failure.retryAfterMs === undefined ? exhaustedMs(headers) : undefined;
      this.#fail({ ...failure, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }), ...shouldRetry });
    });
  }

  #complete(response: ChatResponse, flags: readonly StreamFlag[]): void {
    this.#isOver = true;
    this.#listener.onComplete(response, flags);
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onFailure(failure);
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (problem) {
      this.#onMistake(problem);
    }
  }

  #feed(frames: FrameDecoder, bytes: Uint8Array): void {
    try {
      frames.feed(bytes);
    } catch (problem) {
      this.#onMistake(problem);
    }
  }

  /** A mistake of ours in reading costs the request that met it, never the process. */
  #onMistake(problem: unknown): void {
    this.#fail(internalFailure('reading an answer', problem));
  }
}
