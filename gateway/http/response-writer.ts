/** The caller's end of an answer as an HTTP response: heads, events, keep-alive comments, back-pressure, and an end that cannot be mistaken. */
import type { ServerResponse } from 'node:http';
import type { Sealed } from '../core/exchange.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import type { ResponseHead, ResponseSink, RoutedRequest } from '../exchange/contract.ts';
import { internalError } from '../exchange/response/refusal.ts';
import { earlyHeadersOf, jsonType, streamTypeOf } from '../exchange/response/response-head.ts';

const keepAliveComment = ': keep-alive\n\n';
const streamHeaders: readonly string[] = ['cache-control', 'no-cache', 'x-accel-buffering', 'no'];
const notWaiting: Cancel = () => {};

export class ResponseWriter implements ResponseSink {
  headSent = false;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #request: RoutedRequest;
  readonly #keepAliveMs: Milliseconds;
  #lastWriteAt: Instant = 0;
  #cancelTimer = notWaiting;

  /** A stream that waits longer than `keepAliveMs` gets its head and a comment. */
  constructor(response: ServerResponse, clock: Clock, request: RoutedRequest, keepAliveMs: Milliseconds) {
    this.#response = response;
    this.#clock = clock;
    this.#request = request;
    this.#keepAliveMs = keepAliveMs;
    if (!request.chat.stream) return;
    this.#lastWriteAt = clock.now();
    this.#scheduleKeepAlive();
  }

  sendHead(head: ResponseHead): void {
    if (this.headSent || this.#response.destroyed) return;
    this.headSent = true;
    this.#response.writeHead(head.status, ['content-type', head.contentType, ...streamHeaders, ...head.headers]);
  }

  write(bytes: Buffer): boolean {
    if (this.#response.destroyed) return true;
    this.#lastWriteAt = this.#clock.now();
    return this.#response.write(bytes);
  }

  end(bytes: Buffer, head: ResponseHead, _sealed: Sealed): void {
    this.#finish(head, bytes);
  }

  /** An empty text is for a caller that left, or a response that cannot be completed: the connection is cut. */
  fail(text: string, head: ResponseHead): void {
    if (text !== '') return this.#finish(head, Buffer.from(text));
    this.stop();
    if (this.headSent) this.#response.destroy();
    else {
      const body = this.#request.dialect.renderFailure(internalError.refusal);
      this.#finish({ ...head, status: 500, contentType: jsonType }, Buffer.from(body));
    }
  }

  /** No more comments. */
  stop(): void {
    this.#cancelTimer();
  }

  #finish(head: ResponseHead, bytes: Uint8Array): void {
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
    const fields = ['content-type', head.contentType];
    if (head.contentType.startsWith('text/event-stream')) fields.push(...streamHeaders);
    else fields.push('content-length', String(bytes.byteLength));
    fields.push(...head.headers);
    response.writeHead(head.status, fields);
    response.end(bytes);
  }

  /** One timer that looks at the last write; re-arming it with each write would cost more than the write. */
  #scheduleKeepAlive(): void {
    this.#cancelTimer = this.#clock.at(this.#lastWriteAt + this.#keepAliveMs, () => {
      if (this.#clock.now() - this.#lastWriteAt >= this.#keepAliveMs) this.#keepAlive();
      this.#scheduleKeepAlive();
    });
  }

  #keepAlive(): void {
    const { dialect } = this.#request;
    this.sendHead({ status: 200, contentType: streamTypeOf(dialect), headers: earlyHeadersOf(this.#request) });
    this.write(Buffer.from(dialect.keepAlive ?? keepAliveComment));
  }
}
