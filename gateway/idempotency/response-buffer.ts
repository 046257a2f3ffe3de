import type { Sealed } from '../core/exchange.ts';
import type { ResponseHead, ResponseSink } from '../exchange/contract.ts';

type Ending =
  | { readonly type: 'end'; readonly bytes: Buffer; readonly head: ResponseHead; readonly sealed: Sealed }
  | { readonly type: 'fail'; readonly text: string; readonly head: ResponseHead };

export class ResponseBuffer implements ResponseSink {
  /** Of everything kept, in bytes. */
  length = 0;
  readonly #reserve: (length: number, more: number) => boolean;
  readonly #sinks = new Set<ResponseSink>();
  #chunks: Buffer[] | undefined = [];
  #head: ResponseHead | undefined;
  #ending: Ending | undefined;

  /** `room` tells whether a tape of this length may grow by so much; one that may not keeps nothing any more. */
  constructor(reserve: (length: number, more: number) => boolean) {
    this.#reserve = reserve;
  }

  /** Some reader may have sent a head of its own by now, to keep its connection alive. */
  get headSent(): boolean {
    return this.#head !== undefined || [...this.#sinks].some(reader => reader.headSent);
  }

  /** False once it said more than is kept: who comes later cannot hear the beginning. */
  get isRetained(): boolean {
    return this.#chunks !== undefined;
  }

  get sinkCount(): number {
    return this.#sinks.size;
  }

  /** It ended as an answer ends, and not in an error. */
  get isSuccessful(): boolean {
    return this.#ending?.type === 'end' && this.#ending.head.status === 200;
  }

  /** Tells a reader what was said, from this piece on, and goes on telling it until `detach`. */
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
    for (const reader of this.#sinks) reader.sendHead(head);
  }

  /** The slowest reader sets the pace. */
  write(bytes: Buffer): boolean {
    if (this.#reserveFor(bytes.length)) this.#chunks?.push(bytes);
    let accepts = true;
    for (const reader of this.#sinks) if (!reader.write(bytes)) accepts = false;
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
    for (const reader of this.#sinks) finishSink(reader, ending, headSent);
  }

  /** Whether so much more may be kept; once it may not, nothing is. */
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

/** What ends a stream is no answer in one piece: who has not begun when others have begins like them. */
function finishSink(sink: ResponseSink, ending: Ending, headSent: boolean): void {
  const { head } = ending;
  if (headSent && !sink.headSent) sink.sendHead({ status: 200, contentType: 'text/event-stream; charset=utf-8', headers: head.headers });
  if (ending.type === 'end') sink.end(ending.bytes, head, ending.sealed);
  else sink.fail(ending.text, head);
}
