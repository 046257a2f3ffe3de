/** Asks one question of its route: joins the router's drive, the attempts and the reader, and leaves an Exchange behind. */
import { Attempt } from './attempt.ts';
import type { ChatResponse, StreamEvent } from './core/chat.ts';
import type { CallerError, StreamRenderer } from './core/dialect.ts';
import type { Exchange, Sealed, Sink } from './core/exchange.ts';
import type { Failure } from './core/failure.ts';
import type { Observation } from './core/fleet.ts';
import { type Price, usd } from './core/price.ts';
import type { Provider, SseEvent } from './core/provider.ts';
import type { RouteOutcome } from './core/route.ts';
import type { Clock, Instant } from './core/time.ts';
import { type AttemptCommand, type AttemptReport, type Drive, type DriveLog, drive } from './drive.ts';
import { play } from './play.ts';
import { type PreparedRequest, prepare, type Question } from './question.ts';
import { exchangeOf } from './record.ts';
import type { Secret } from './secret.ts';
import { callerErrorOf, retryHeaders } from './tell.ts';
import type { Upstream, UpstreamHandle, UpstreamListener } from './upstream.ts';

export interface Target {
  /** The account's name in the config. */
  readonly providerName: string;
  readonly provider: Provider;
  readonly model: string;
  readonly baseUrl: string;
  readonly key: Secret | undefined;
  readonly allowPrivate: boolean;
  /** Pass our trace on to it. */
  readonly trace: boolean;
}

export interface AskWorld {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly sink: Sink;
  targetOf(target: string, seed: string): Target;
  closed(at: Instant): Readonly<Record<string, Instant>>;
  observe(seen: Observation): void;
  priceOf(provider: Provider, providerName: string, model: string, at: Instant): Price | undefined;
  newSpanId(): string;
}

/** The head of an answer: what goes out before its first byte. */
export interface Head {
  readonly status: number;
  readonly contentType: 'application/json; charset=utf-8' | 'text/event-stream; charset=utf-8';
  readonly headers: Readonly<Record<string, string>>;
}

/** The caller's end of an answer. */
export interface Reader {
  /** Whether a head went out; a stream's reader may have sent one early, to keep the connection alive. */
  readonly begun: boolean;
  begin(head: Head): void;
  /** False asks for a pause, until `resume` of the Asking. */
  write(text: string): boolean;
  /** The last bytes. Only a sealed record releases them; the head is for a reader that has not begun. */
  end(text: string, head: Head, sealed: Sealed): void;
  /** The record could not be made: the answer must not look whole. */
  fail(text: string, head: Head): void;
}

export interface Asking {
  /** Settles when the record is sealed and the last bytes are handed to the reader. Never rejects. */
  readonly done: Promise<Exchange>;
  /** The caller is gone. */
  leave(): void;
  /** The caller takes bytes again. */
  resume(): void;
}

interface Delta {
  readonly events: readonly StreamEvent[];
  readonly raw: SseEvent | undefined;
}

interface Running {
  readonly attempt: Attempt;
  readonly prepared: PreparedRequest;
  /** What came before the commit. */
  readonly held: Delta[];
}

const json = 'application/json; charset=utf-8';
const eventStream = 'text/event-stream; charset=utf-8';

export function ask(question: Question, world: AskWorld, reader: Reader): Asking {
  const asking = new Conversation(question, world, reader);
  return { done: asking.done.promise, leave: () => asking.leave(), resume: () => asking.resume() };
}

class Conversation {
  readonly done = Promise.withResolvers<Exchange>();
  readonly #question: Question;
  readonly #world: AskWorld;
  readonly #reader: Reader;
  readonly #renderer: StreamRenderer;
  readonly #running: Running[] = [];
  readonly #delivered: Buffer[] = [];
  readonly #drive: Drive;
  #committed: number | undefined;
  #firstTokenAt: Instant | undefined;

  constructor(question: Question, world: AskWorld, reader: Reader) {
    this.#question = question;
    this.#world = world;
    this.#reader = reader;
    this.#renderer = question.dialect.renderStream({ includeUsage: question.includeUsage });
    this.#drive = drive(question.policy, question.id, {
      clock: world.clock,
      closed: at => world.closed(at),
      attempt: (command, report) => this.#attempt(command, report),
      commit: attempt => this.#commit(attempt),
      finish: (outcome, log) => this.#finish(outcome, log),
    });
  }

  leave(): void {
    this.#drive.leave();
  }

  resume(): void {
    if (this.#committed !== undefined) this.#running[this.#committed]?.attempt.resume();
  }

  #attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const { clock } = this.#world;
    const target = this.#world.targetOf(command.target, `${this.#question.id} ${command.attempt}`);
    const prepared = prepare(this.#question, this.#question.policy.steps[command.step]!, target.provider, target.model);
    const held: Delta[] = [];
    const observe = (failure?: Failure): void =>
      this.#world.observe({
        target: command.target,
        at: clock.now(),
        ...(failure ? { type: 'failed', failure } : { type: 'answered', firstTokenMs: attempt.firstTokenMs }),
      });
    const spanId = this.#world.newSpanId();
    const attempt = new Attempt(
      {
        command,
        provider: target.provider,
        providerName: target.providerName,
        model: target.model,
        credential: target.key?.fingerprint ?? '',
        spanId,
        request: prepared.chat,
        rendered: prepared,
        clock,
        priceOf: (model, at) => this.#world.priceOf(target.provider, target.providerName, model, at),
        send: listener => this.#send(target, prepared, spanId, listener),
      },
      {
        opened: () => report.opened(),
        delta: (events, raw) => this.#delta(command.attempt, { events, raw }),
        answered: signals => {
          observe();
          report.answered(signals);
        },
        failed: failure => {
          observe(failure);
          report.failed(failure);
        },
      },
    );
    this.#running[command.attempt] = { attempt, prepared, held };
    return failure => {
      if (failure) observe(failure);
      attempt.abort(failure);
    };
  }

  #send(target: Target, prepared: PreparedRequest, spanId: string, listener: UpstreamListener): UpstreamHandle {
    const { provider } = target;
    if (this.#question.onUnsupported === 'reject' && prepared.warnings.length > 0) {
      const fields = prepared.warnings.map(w => w.field).join(', ');
      queueMicrotask(() => listener.failed({ kind: 'unsupported', message: `the target cannot carry ${fields}` }));
      return { abort: () => {}, pause: () => {}, resume: () => {} };
    }
    if (provider.play) return play(provider.play(prepared, target.model), this.#world.clock, listener);
    const { traceId } = this.#question.trace;
    const headers: Record<string, string> = {
      ...provider.headers,
      'content-type': 'application/json',
      accept: this.#question.chat.stream ? 'text/event-stream' : 'application/json',
      'user-agent': 'hindcast',
      ...(target.trace ? { traceparent: `00-${traceId}-${spanId}-01` } : {}),
    };
    if (target.key) {
      if (provider.auth === 'bearer') headers.authorization = `Bearer ${target.key.reveal()}`;
      else if (provider.auth !== 'none') headers[provider.auth] = target.key.reveal();
    }
    return this.#world.upstream.send(
      { url: target.baseUrl + prepared.path, headers, body: prepared.body, allowPrivate: target.allowPrivate },
      listener,
    );
  }

  #delta(attempt: number, delta: Delta): void {
    if (!this.#question.chat.stream) return;
    if (this.#committed === attempt) this.#deliver(this.#running[attempt]!, delta);
    // An attempt may report before the constructor has returned; nothing of a stream comes that early.
    else this.#running[attempt]?.held.push(delta);
  }

  #commit(attempt: number): void {
    this.#committed = attempt;
    if (!this.#question.chat.stream) return;
    const running = this.#running[attempt]!;
    this.#reader.begin(this.#head(200, running));
    for (const delta of running.held.splice(0)) this.#deliver(running, delta);
  }

  #deliver(running: Running, { events, raw }: Delta): void {
    const { passes, stripsLogprobs } = running.prepared;
    const shown = events.filter(e => !(stripsLogprobs && e.type === 'logprobs') && !(e.type === 'usage' && !this.#question.includeUsage));
    const usageOnly = events.length > 0 && shown.length === 0;
    if (raw?.data === '[DONE]' || usageOnly) return;
    const text =
      passes && raw && !stripsLogprobs
        ? `data: ${raw.data.replaceAll('\n', '\ndata: ')}\n\n`
        : shown.map(e => this.#renderer.render(e)).join('');
    if (text === '') return;
    this.#firstTokenAt ??= this.#world.clock.now();
    this.#delivered.push(Buffer.from(text));
    if (!this.#reader.write(text)) running.attempt.pause();
  }

  #finish(outcome: RouteOutcome, log: DriveLog): void {
    // The drive may finish inside its own constructor's call; the record is made when that has returned.
    queueMicrotask(() => void this.#settle(outcome, log).then(this.done.resolve, this.done.reject));
  }

  async #settle(outcome: RouteOutcome, log: DriveLog): Promise<Exchange> {
    const { stream } = this.#question.chat;
    const { failure } = outcome.type === 'failed' ? outcome : {};
    const error = failure && callerErrorOf(failure);
    const answered = outcome.type === 'answered' ? this.#running[outcome.attempt] : undefined;
    const text = error ? this.#lastWords(error) : stream ? this.#renderer.end() : this.#body(answered!);
    const left = failure?.kind === 'cancelled';
    if (!left) this.#delivered.push(Buffer.from(text));
    if (answered && !stream) this.#firstTokenAt = this.#world.clock.now();
    const status = this.#reader.begun ? 200 : left ? 0 : (error?.status ?? 200);
    const records = this.#running.map(({ attempt }, i) => attempt.record(outcome.type === 'answered' && outcome.attempt === i));
    const exchange = exchangeOf(this.#question, outcome, log, records, {
      status,
      response: Buffer.concat(this.#delivered),
      firstTokenAt: this.#firstTokenAt,
      endedAt: this.#world.clock.now(),
    });
    const head = this.#head(error?.status ?? 200, answered, exchange, failure);
    try {
      this.#reader.end(left ? '' : text, head, await this.#world.sink.record(exchange));
    } catch (problem) {
      this.#reader.fail(this.#lastWords(recordingUnavailable), { ...head, status: 503, contentType: json });
      throw problem;
    }
    return exchange;
  }

  #lastWords(error: CallerError): string {
    return this.#reader.begun ? this.#renderer.fail(error) : this.#question.dialect.renderFailure(error);
  }

  #body({ attempt, prepared }: Running): string {
    if (prepared.passes && !prepared.stripsLogprobs && !attempt.isStream) return attempt.bodyText();
    const response: ChatResponse = attempt.response!;
    if (!prepared.stripsLogprobs) return this.#question.dialect.renderResponse(response);
    const choices = response.choices.map(({ logprobs: _, ...choice }) => choice);
    return this.#question.dialect.renderResponse({ ...response, choices });
  }

  #head(status: number, running: Running | undefined, exchange?: Exchange, failure?: Failure): Head {
    const { id, policy, configHash, chat, onUnsupported } = this.#question;
    const warnings = running && onUnsupported === 'warn' ? running.prepared.warnings : [];
    return {
      status,
      contentType: chat.stream && status === 200 ? eventStream : json,
      headers: {
        'x-request-id': id,
        'x-hindcast-id': id,
        'x-hindcast-route': headerText(policy.name),
        'x-hindcast-config': configHash,
        'x-hindcast-attempts': String(this.#running.length),
        ...(running ? { 'x-hindcast-target': headerText(running.attempt.context.command.target) } : {}),
        ...(exchange?.costNanoUsd !== undefined && !chat.stream ? { 'x-hindcast-cost-usd': usd(exchange.costNanoUsd).toFixed(9) } : {}),
        ...(warnings.length > 0 ? { 'x-hindcast-warnings': headerText(warnings.map(w => `${w.type} ${w.field}`).join(', ')) } : {}),
        ...(failure ? retryHeaders(failure, id) : {}),
      },
    };
  }
}

const recordingUnavailable: CallerError = {
  status: 503,
  type: 'server_error',
  code: 'recording_unavailable',
  message: 'The answer could not be recorded, and this gateway does not answer without a record.',
  param: null,
};

/** Header values are printable ASCII and bounded. */
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000);
