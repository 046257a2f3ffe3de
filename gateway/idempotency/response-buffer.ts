/** Buffers a response so that later readers get it from its beginning, while the first one is still being written. */
import type { Sealed } from '../core/exchange.ts';
import type { ResponseHead, ResponseSink } from '../exchange/contract.ts';

type Ending =
  | { readonly type: 'end'; readonly bytes: Buffer; readonly head: ResponseHead; readonly sealed: Sealed }
  | { readonly type: 'fail'; readonly text: string; readonly head: ResponseHead };

/** Passes a response to every attached sink, and keeps its chunks for those that attach later. */
export class ResponseBuffer implements ResponseSink {
  /** Bytes stored. */
  length = 0;
  readonly #reserve: (length: number, more: number) => boolean;
  readonly #sinks = new Set<ResponseSink>();
  #chunks: Buffer[] | undefined = [];
  #head: ResponseHead | undefined;
  #ending: Ending | undefined;

  /** `reserve` returns whether a buffer of this length may grow by `more` characters. When it may not, the buffer drops its chunks. */
  constructor(reserve: (length: number, more: number) => boolean) {
    this.#reserve = reserve;
  }

  /** A sink may already have sent its own head to keep its connection alive. */
  get headSent(): boolean {
    return this.#head !== undefined || [...this.#sinks].some(sink => sink.headSent);
  }

  /** False once the response exceeded its limit: a later sink cannot get the beginning. */
  get isRetained(): boolean {
    return this.#chunks !== undefined;
  }

  get sinkCount(): number {
    return this.#sinks.size;
  }

  /** It ended with status 200 and without an error. */
  get isSuccessful(): boolean {
    return this.#ending?.type === 'end' && this.#ending.head.status === 200;
  }

  /** Sends the sink all chunks from this index on, and then each new one until `detach`. */
  attach(sink: ResponseSink, from = 0): void {
    this.#sinks.add(sink);
    if (this.#head) sink.sendHead(this.#head);
    for (const bytes of this.#chunks?.slice(from) ?? []) sink.write(bytes);
    if (this.#ending) finishSink(sink, this.#ending, this.#head !== undefined);
  }

  detach(sink: ResponseSink): void {
    this.#sinks.delete(sink);
  }

  sendHead(head: ResponseHead): void {
    this.#head = head;
    for (const sink of this.#sinks) sink.sendHead(head);
  }

  /** False when any sink is full: the slowest one sets the pace. */
  write(bytes: Buffer): boolean {
    if (this.#reserveFor(bytes.length)) this.#chunks?.push(bytes);
    let accepts = true;
    for (const sink of this.#sinks) if (!sink.write(bytes)) accepts = false;
    return accepts;
  }

  end(bytes: Buffer, head: ResponseHead, sealed: Sealed): void {
    this.#finish({ type: 'end', bytes, head, sealed });
  }

  fail(text: string, head: ResponseHead): void {
    this.#finish({ type: 'fail', text, head });
  }

  #finish(ending: Ending): void {
    const headSent = this.headSent;
    this.#ending = ending;
    this.#reserveFor(ending.type === 'end' ? ending.bytes.length : Buffer.byteLength(ending.text));
    for (const sink of this.#sinks) finishSink(sink, ending, headSent);
  }

  /** Reserves space for more bytes. Once that fails, the chunks are dropped and stay dropped. */
  #reserveFor(more: number): boolean {
    if (!this.#chunks) return false;
    if (this.#reserve(this.length, more)) {
      this.length += more;
      return true;
    }
    this.#chunks = undefined;
    return false;
  }
}

/** The end of a stream is not a complete body, so a sink without a head first gets the stream's head. */
function finishSink(sink: ResponseSink, ending: Ending, headSent: boolean): void {
  const { head } = ending;
  if (headSent && !sink.headSent) sink.sendHead({ status: 200, contentType: 'text/event-stream; charset=utf-8', headers: head.headers });
  if (ending.type === 'end') sink.end(ending.bytes, head, ending.sealed);
  else sink.fail(ending.text, head);
}
