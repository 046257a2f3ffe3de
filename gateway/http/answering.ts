/** From a question to its answer on the wire: asked once, read by its caller and by whoever repeats it, given up when nobody reads any more. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Purse } from '../budgets/purse.ts';
import type { Sink } from '../core/exchange.ts';
import type { Clock, Milliseconds } from '../core/time.ts';
import { ask } from '../exchange/ask.ts';
import type { Asking, Question, Visit } from '../exchange/contract.ts';
import { earlyHeadersOf } from '../exchange/head.ts';
import { isRefusal, noRecord, type Refusal } from '../exchange/refuse.ts';
import { Repeats, type Shared } from '../idempotency/repeats.ts';
import { ResponseReader } from './reader.ts';

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
  readonly purse: Purse;
}

export class Answering {
  readonly #options: AnsweringOptions;
  readonly #repeats: Repeats;

  constructor(options: AnsweringOptions) {
    this.#options = options;
    this.#repeats = new Repeats(options.clock);
  }

  async drive(question: Question, { headers }: IncomingMessage, response: ServerResponse, visit: Visit): Promise<Driven | Refusal> {
    const shared = this.#repeats.join(headers, question);
    if (!shared) return this.#alone(question, response, visit);
    if (isRefusal(shared)) return shared;
    if (shared.started || shared.tape.isAnswered) return this.#join(shared, question, response);
    return this.#begin(shared, question, response, visit);
  }

  async #alone(question: Question, response: ServerResponse, visit: Visit): Promise<Driven | Refusal> {
    const asking = await this.#admitted(question, response, visit, () => {
      const reader = this.#readerOf(question, response);
      const begun = ask(question, visit.world, reader);
      watch(response, reader, begun, () => begun.leave());
      return begun;
    });
    return isRefusal(asking) ? asking : { question, asking, joins: false };
  }

  async #begin(shared: Shared, question: Question, response: ServerResponse, visit: Visit): Promise<Driven | Refusal> {
    const ended = (): void => this.#repeats.ended(shared);
    shared.started = this.#admitted(question, response, visit, () => {
      const reader = this.#readerOf(question, response);
      shared.tape.attach(reader);
      const begun = ask(question, visit.world, shared.tape);
      watch(response, reader, begun, () => this.#detach(shared, reader, begun, question));
      begun.done.then(ended, ended);
      return begun;
    });
    const asking = await shared.started.catch((problem: unknown) => {
      ended();
      throw problem;
    });
    if (!isRefusal(asking)) return { question, asking, joins: false };
    ended();
    return asking;
  }

  async #join(shared: Shared, question: Question, response: ServerResponse): Promise<Driven | Refusal> {
    const asking = shared.started ? await shared.started : over;
    if (isRefusal(asking)) return asking;
    response.setHeader('x-hindcast-repeat', 'true');
    const reader = this.#readerOf({ ...question, id: shared.id }, response);
    shared.tape.attach(reader, shared.from);
    // There may be nothing to tell yet, and the head waits for the first word.
    if (reader.begun) response.flushHeaders();
    watch(response, reader, asking, () => this.#detach(shared, reader, asking, question));
    return { question, asking, joins: true };
  }

  /** Nothing is asked of a provider that could not be recorded, or that the caller's budget and limits do not allow. */
  async #admitted(question: Question, response: ServerResponse, visit: Visit, begin: () => Asking): Promise<Asking | Refusal> {
    const { sink, purse } = this.#options;
    if (sink.refusal() !== undefined) return noRecord;
    const admission = await purse.admit(question, visit);
    if (admission && isRefusal(admission)) return admission;
    for (const [name, value] of Object.entries(admission?.headers ?? {})) response.setHeader(name, value);
    const asking = begin();
    admission?.follow(asking);
    return asking;
  }

  /** Whoever may resume has a while to come back, in which the provider goes on. */
  #detach({ tape }: Shared, reader: ResponseReader, asking: Asking, { resumable }: Question): void {
    const { clock } = this.#options;
    const leave = (): void => {
      if (tape.readers === 0) asking.leave();
    };
    tape.detach(reader);
    if (!resumable) return leave();
    const cancel = clock.at(clock.now() + resumeMs, leave);
    asking.done.then(cancel, cancel);
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

/** How long a stream waits for its caller to come back. */
const resumeMs: Milliseconds = 60_000;

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
