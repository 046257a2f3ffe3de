/** The caller's end of an answer as an HTTP response: heads, events, keep-alive comments, back-pressure, and an end that cannot be mistaken. */
import type { ServerResponse } from 'node:http';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import type { Sealed } from '../core/exchange.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import type { ResponseHead, ResponseSink } from '../exchange/contract.ts';
import { internalError } from '../exchange/response/refusal.ts';
import { jsonType, streamTypeOf } from '../exchange/response/response-head.ts';

export interface ResponseWriterOptions {
  readonly clock: Clock;
  /** A stream that waits longer than this gets its head and a comment; undefined for answers that are no stream. */
  readonly keepAliveMs: Milliseconds | undefined;
  readonly dialect: CallerFormat;
  /** What a head that goes out before the answer is known may say. */
  readonly earlyHeaders: Readonly<Record<string, string>>;
}

const keepAliveComment = ': keep-alive\n\n';
const streamHeaders = { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' };

export class ResponseWriter implements ResponseSink {
  headSent = false;
  readonly #response: ServerResponse;
  readonly #options: ResponseWriterOptions;
  #lastWriteAt: Instant;
  #cancelTimer: Cancel = () => {};

  constructor(response: ServerResponse, options: ResponseWriterOptions) {
    this.#response = response;
    this.#options = options;
    this.#lastWriteAt = options.clock.now();
    this.#scheduleKeepAlive();
  }

  sendHead(head: ResponseHead): void {
    if (this.headSent || this.#response.destroyed) return;
    this.headSent = true;
    this.#response.writeHead(head.status, { 'content-type': head.contentType, ...streamHeaders, ...head.headers });
  }

  write(text: string, bytes?: Uint8Array): boolean {
    if (this.#response.destroyed) return true;
    this.#lastWriteAt = this.#options.clock.now();
    return this.#response.write(bytes ?? text);
  }

  end(text: string, head: ResponseHead, _sealed: Sealed, bytes?: Uint8Array): void {
    this.#finish(text, head, bytes);
  }

  /** An empty text is for a caller that is gone, or for an answer of which nothing more can be said: it ends torn. */
  fail(text: string, head: ResponseHead): void {
    if (text !== '') return this.#finish(text, head);
    this.stop();
    if (this.headSent) this.#response.destroy();
    else this.#finish(this.#options.dialect.renderFailure(internalError.refusal), { ...head, status: 500, contentType: jsonType });
  }

  /** No more comments. */
  stop(): void {
    this.#cancelTimer();
  }

  #finish(text: string, head: ResponseHead, bytes: Uint8Array = Buffer.from(text)): void {
    this.stop();
    const response = this.#response;
    if (response.destroyed) return;
    if (this.headSent) {
      // A stream that ends in an error also ends its connection.
      const { socket } = response;
      if (head.status !== 200) response.once('finish', () => socket?.destroySoon());
      response.end(bytes);
      return;
    }
    this.headSent = true;
    const isStream = head.contentType.startsWith('text/event-stream');
    const framing = isStream ? streamHeaders : { 'content-length': bytes.byteLength };
    response.writeHead(head.status, { 'content-type': head.contentType, ...framing, ...head.headers });
    response.end(bytes);
  }

  /** One timer that looks at the last write; re-arming it with each write would cost more than the write. */
  #scheduleKeepAlive(): void {
    const { clock, keepAliveMs } = this.#options;
    if (keepAliveMs === undefined) return;
    this.#cancelTimer = clock.at(this.#lastWriteAt + keepAliveMs, () => {
      if (clock.now() - this.#lastWriteAt >= keepAliveMs) this.#keepAlive();
      this.#scheduleKeepAlive();
    });
  }

  #keepAlive(): void {
    const { dialect, earlyHeaders } = this.#options;
    this.sendHead({ status: 200, contentType: streamTypeOf(dialect), headers: earlyHeaders });
    this.write(dialect.keepAlive ?? keepAliveComment);
  }
}
