/** From a question to its answer on the wire: asked once, read by its caller and by whoever repeats it, given up when nobody reads any more. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Asking, ask } from './ask.ts';
import type { Sink } from './core/exchange.ts';
import type { Clock, Milliseconds } from './core/time.ts';
import { earlyHeadersOf } from './head.ts';
import type { Question } from './question.ts';
import { ResponseReader } from './reader.ts';
import { isRefusal, noRecord, type Refusal } from './refuse.ts';
import { Repeats, type Shared } from './repeats/repeats.ts';
import type { World } from './world.ts';

export interface Driven {
  readonly question: Question;
  readonly asking: Asking;
  /** It reads an answer that was asked for by an earlier request. */
  readonly joins: boolean;
}

export interface AnsweringOptions {
  readonly clock: Clock;
  readonly sink: Pick<Sink, 'refusal'>;
  readonly keepAliveMs: Milliseconds;
}

export class Answering {
  readonly #options: AnsweringOptions;
  readonly #repeats: Repeats;

  constructor(options: AnsweringOptions) {
    this.#options = options;
    this.#repeats = new Repeats(options.clock);
  }

  drive(question: Question, { headers }: IncomingMessage, response: ServerResponse, world: World): Driven | Refusal {
    const shared = this.#repeats.join(headers, question);
    if (shared && isRefusal(shared)) return shared;
    // Nothing is asked of a provider that could not be recorded.
    if (!shared?.asking && !shared?.tape.isAnswered && this.#options.sink.refusal() !== undefined) return noRecord;
    return shared ? this.#share(shared, question, response, world) : this.#alone(question, response, world);
  }

  #alone(question: Question, response: ServerResponse, world: World): Driven {
    const reader = this.#readerOf(question, response);
    const asking = ask(question, world, reader);
    watch(response, reader, asking, () => asking.leave());
    return { question, asking, joins: false };
  }

  #share(shared: Shared, question: Question, response: ServerResponse, world: World): Driven {
    const { tape } = shared;
    const joins = shared.asking !== undefined || tape.isAnswered;
    if (joins) response.setHeader('x-hindcast-repeat', 'true');
    const reader = this.#readerOf({ ...question, id: shared.id }, response);
    tape.attach(reader);
    if (!joins) {
      shared.asking = ask(question, world, tape);
      const ended = (): void => this.#repeats.ended(shared);
      shared.asking.done.then(ended, ended);
    }
    const asking = shared.asking ?? over;
    watch(response, reader, asking, () => {
      tape.detach(reader);
      if (tape.readers === 0) asking.leave();
    });
    return { question, asking, joins };
  }

  #readerOf(question: Question, response: ServerResponse): ResponseReader {
    const { clock, keepAliveMs } = this.#options;
    return new ResponseReader(response, {
      clock,
      keepAliveMs: question.chat.stream ? keepAliveMs : undefined,
      dialect: question.dialect,
      earlyHeaders: earlyHeadersOf(question),
    });
  }
}

/** Of an answer that was whole before: nothing is under way. */
const over: Asking = { done: new Promise(() => {}), leave: () => {}, resume: () => {}, answer: () => undefined };

function watch(response: ServerResponse, reader: ResponseReader, asking: Asking, left: () => void): void {
  const leave = (): void => {
    reader.stop();
    if (!response.writableFinished) left();
  };
  if (response.destroyed) leave();
  response.once('close', leave).on('drain', () => asking.resume());
}
