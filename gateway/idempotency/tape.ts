import type { Sealed } from '../core/exchange.ts';
import type { Head, Reader } from '../exchange/contract.ts';

type Ending =
  | { readonly type: 'end'; readonly text: string; readonly head: Head; readonly sealed: Sealed }
  | { readonly type: 'fail'; readonly text: string; readonly head: Head };

export class Tape implements Reader {
  /** Of everything kept, in characters. */
  length = 0;
  readonly #room: (length: number, more: number) => boolean;
  readonly #readers = new Set<Reader>();
  #texts: string[] | undefined = [];
  #head: Head | undefined;
  #ending: Ending | undefined;

  /** `room` tells whether a tape of this length may grow by so much; one that may not keeps nothing any more. */
  constructor(room: (length: number, more: number) => boolean) {
    this.#room = room;
  }

  /** Some reader may have sent a head of its own by now, to keep its connection alive. */
  get begun(): boolean {
    return this.#head !== undefined || [...this.#readers].some(reader => reader.begun);
  }

  /** False once it said more than is kept: who comes later cannot hear the beginning. */
  get isWhole(): boolean {
    return this.#texts !== undefined;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** It ended as an answer ends, and not in an error. */
  get isAnswered(): boolean {
    return this.#ending?.type === 'end' && this.#ending.head.status === 200;
  }

  /** Tells a reader what was said, from this piece on, and goes on telling it until `detach`. */
  attach(reader: Reader, from = 0): void {
    this.#readers.add(reader);
    if (this.#head) reader.begin(this.#head);
    for (const text of this.#texts?.slice(from) ?? []) reader.write(text);
    if (this.#ending) finish(reader, this.#ending, this.#head !== undefined);
  }

  detach(reader: Reader): void {
    this.#readers.delete(reader);
  }

  begin(head: Head): void {
    this.#head = head;
    for (const reader of this.#readers) reader.begin(head);
  }

  /** The slowest reader sets the pace. */
  write(text: string, bytes?: Uint8Array): boolean {
    this.#keep(text);
    let goOn = true;
    for (const reader of this.#readers) if (!reader.write(text, bytes)) goOn = false;
    return goOn;
  }

  end(text: string, head: Head, sealed: Sealed): void {
    this.#finish({ type: 'end', text, head, sealed });
  }

  fail(text: string, head: Head): void {
    this.#finish({ type: 'fail', text, head });
  }

  #finish(ending: Ending): void {
    const hasBegun = this.begun;
    this.#ending = ending;
    this.#keep(ending.text, false);
    for (const reader of this.#readers) finish(reader, ending, hasBegun);
  }

  #keep(text: string, asText = true): void {
    if (!this.#texts) return;
    if (this.#room(this.length, text.length)) {
      this.length += text.length;
      if (asText) this.#texts.push(text);
      return;
    }
    this.#texts = undefined;
  }
}

/** What ends a stream is no answer in one piece: who has not begun when others have begins like them. */
function finish(reader: Reader, ending: Ending, hasBegun: boolean): void {
  const { text, head } = ending;
  if (hasBegun && !reader.begun) reader.begin({ status: 200, contentType: 'text/event-stream; charset=utf-8', headers: head.headers });
  if (ending.type === 'end') reader.end(text, head, ending.sealed);
  else reader.fail(text, head);
}
