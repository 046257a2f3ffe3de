/** One question on its way: joins the router's drive, the attempts and the reader, and ends in one record. */

import type { ChatResponse } from '../core/chat.ts';
import type { CallerError, StreamRenderer } from '../core/dialect.ts';
import type { AttemptRecord, Exchange } from '../core/exchange.ts';
import { type Failure, mistakeIn } from '../core/failure.ts';
import { forbidding } from '../core/loss.ts';
import type { RouteOutcome } from '../core/route.ts';
import type { Instant } from '../core/time.ts';
import { deaf, redactor } from '../transport/redact.ts';
import type { UpstreamHandle, UpstreamListener } from '../transport/upstream.ts';
import { Attempt } from './attempt.ts';
import { call, refuse } from './call.ts';
import {
  type AskWorld,
  type Head,
  type PreparedRequest,
  type Question,
  type Reader,
  streamIdleMsDefault,
  type Target,
} from './contract.ts';
import { answerText, type Delta, deltaText, isLastWord, rendererOf, secondsOf } from './deliver.ts';
import { Delivery } from './delivery.ts';
import { type AttemptCommand, type AttemptReport, type Drive, type DriveLog, drive } from './drive.ts';
import { headOf } from './head.ts';
import { Mending, restartChunk } from './mending.ts';
import { Observed } from './observed.ts';
import { prepare, wantsOf, warningsOf } from './question.ts';
import { exchangeOf } from './record.ts';
import { prepareOpinion, signalsOf } from './side.ts';
import { callerErrorOf, recordingUnavailable } from './tell.ts';

interface Running {
  readonly attempt: Attempt;
  readonly prepared: PreparedRequest;
  /** What came before the commit. */
  readonly held: Delta[];
  /** Tells that enough is held back. */
  readonly released: () => void;
}

export class Conversation {
  readonly #question: Question;
  readonly #world: AskWorld;
  readonly #delivery: Delivery;
  readonly #mending: Mending;
  #renderer: StreamRenderer;
  readonly #running: Running[] = [];
  readonly #drive: Drive;
  /** What a call of this question is reckoned to need. */
  readonly #tokens: number;
  readonly #done = Promise.withResolvers<Exchange>();
  #committed: number | undefined;
  #firstTokenAt: Instant | undefined;
  #mistake: Failure | undefined;
  /** The provider's own, where it passes. */
  #lastWord: string | undefined;

  constructor(question: Question, world: AskWorld, reader: Reader) {
    this.#question = question;
    this.#world = world;
    this.#delivery = new Delivery(reader, question.resumable ? question.id : undefined);
    this.#renderer = rendererOf(question);
    this.#mending = new Mending(question.policy.onBreak);
    const targets = [...new Set(question.policy.steps.map(step => step.target))];
    const wants = wantsOf(question);
    this.#tokens = wants.tokens;
    this.#drive = drive(question.policy, question.id, {
      clock: world.clock,
      arrivedAt: question.arrivedAt,
      closed: at => world.closed(at),
      look: at => world.look?.(targets, wants, at) ?? {},
      ...(world.enter ? { queue: (target, admitted) => world.enter!(target, wants, admitted) } : {}),
      attempt: (command, report) => this.#attempt(command, report),
      commit: attempt => this.#safely(() => this.#commit(attempt)),
      // The drive may finish inside its own constructor's call; the record is made when that has returned.
      finish: (outcome, log) => queueMicrotask(() => this.#settle(outcome, log).catch(problem => this.#break(problem))),
    });
  }

  get done(): Promise<Exchange> {
    return this.#done.promise;
  }

  get answer(): ChatResponse | undefined {
    return this.#committed === undefined ? undefined : this.#running[this.#committed]?.attempt.response;
  }

  leave(): void {
    this.#drive.leave();
  }

  resume(): void {
    if (this.#committed !== undefined) this.#running[this.#committed]?.attempt.resume();
  }

  #attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    try {
      return this.#start(command, report);
    } catch (problem) {
      report.failed(mistakeIn('starting an attempt', problem));
      return () => {};
    }
  }

  #start(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const { clock, streamIdleMs = streamIdleMsDefault } = this.#world;
    const target = this.#world.targetOf(command.target, `${this.#question.id} ${command.attempt}`, this.#tokens);
    const prepared = this.#prepare(command, target);
    const held: Delta[] = [];
    const credential = target.key?.fingerprint ?? '';
    const spanId = this.#world.newSpanId();
    const redact = redactor(target.key);
    const told = new Observed(this.#world, { target: command.target, credential, kind: command.kind, tokens: this.#tokens });
    const attempt = new Attempt(
      {
        command,
        provider: target.provider,
        providerName: target.providerName,
        model: target.model,
        credential,
        spanId,
        prepared,
        redact,
        clock,
        idleMs: streamIdleMs,
        priceOf: (model, at) => this.#world.priceOf(target.provider, target.providerName, model, at),
        send: listener => this.#send(target, prepared, spanId, deaf(listener, redact)),
      },
      {
        opened: () => report.opened(),
        events: (events, raw) => this.#take(command.attempt, { events, raw }),
        answered: signals => {
          told.answered(attempt, attempt.response?.usage);
          report.answered(
            signalsOf(command, this.#question.policy, of => this.#running[of]!.attempt.response!, attempt.response!, signals),
          );
        },
        failed: failure => {
          told.failed(failure, attempt);
          report.failed(failure, this.#committed === command.attempt && this.#mending.isContinuable);
        },
      },
    );
    this.#running[command.attempt] = { attempt, prepared, held, released: () => report.released() };
    return failure => {
      if (failure) told.failed(failure, attempt);
      else told.aborted(attempt);
      attempt.abort(failure);
    };
  }

  /** A judge is asked for its opinion; everybody else what the caller asked. */
  #prepare({ step: index, of, target: named }: AttemptCommand, { provider, model }: Target): PreparedRequest {
    const step = this.#question.policy.steps[index]!;
    const held = of === undefined || named === step.target ? undefined : this.#running[of]!.attempt.response!;
    if (held) return prepareOpinion(this.#question, held, provider, model);
    const goesOn = this.#committed !== undefined && this.#mending.type === 'continue';
    if (!goesOn) return prepare(this.#question, step, provider, model);
    return prepare({ ...this.#question, chat: this.#mending.asked(this.#question.chat) }, step, provider, model, true);
  }

  #send(target: Target, prepared: PreparedRequest, spanId: string, listener: UpstreamListener): UpstreamHandle {
    const { onUnsupported, trace, onward = { isSampled: true, state: '' }, hops = 0, headers } = this.#question;
    const uncarried = forbidding(prepared.warnings, onUnsupported);
    if (uncarried.length > 0) return refuse(uncarried, listener);
    const traceparent = `00-${trace.traceId}-${spanId}-${onward.isSampled ? '01' : '00'}`;
    return call(this.#world, target, prepared, { traceparent, tracestate: onward.state, hops, headers }, listener);
  }

  #take(attempt: number, delta: Delta): void {
    if (!this.#question.chat.stream) return;
    const running = this.#running[attempt]!;
    if (this.#committed === attempt) this.#deliver(running, delta);
    else {
      running.held.push(delta);
      if (this.#mending.isEnough(running.held)) running.released();
    }
  }

  #commit(attempt: number): void {
    const broken = this.#committed === undefined ? undefined : this.#running[this.#committed];
    this.#committed = attempt;
    if (!this.#question.chat.stream) return;
    const running = this.#running[attempt]!;
    if (broken) this.#mend(broken, running);
    if (!this.#delivery.begun) this.#delivery.begin(this.#head(200, running));
    for (const delta of running.held.splice(0)) this.#deliver(running, delta);
  }

  /** The caller was reading another attempt, which broke. */
  #mend(broken: Running, { attempt }: Running): void {
    const restarts = this.#mending.begin(broken.attempt, attempt);
    if (!restarts) return;
    this.#renderer = rendererOf(this.#question);
    this.#delivery.write(restartChunk(this.#delivery.bytes));
  }

  #deliver(running: Running, said: Delta): void {
    const { passes, goesOn } = running.prepared;
    const delta = goesOn ? { ...said, events: this.#mending.rest(said.events) } : said;
    if (goesOn && delta.events.length === 0) return;
    const text = deltaText(delta, running.prepared, this.#renderer, this.#question.includeUsage);
    this.#mending.told(delta.events, passes ? this.#renderer : undefined);
    if (text === '') return;
    if (isLastWord(delta, running.prepared)) {
      this.#lastWord = text;
      return;
    }
    this.#firstTokenAt ??= this.#world.clock.now();
    if (!this.#delivery.write(text)) running.attempt.pause();
  }

  /** A commit may come from a timer, where a mistake of ours would end the process; it shall end this request. */
  #safely(commit: () => void): void {
    try {
      commit();
    } catch (problem) {
      this.#mistake = mistakeIn('telling the caller', problem);
      this.leave();
    }
  }

  async #settle(decided: RouteOutcome, log: DriveLog): Promise<void> {
    const uncounted = this.#running.filter(({ attempt }) => attempt.isUncounted);
    if (uncounted.length > 0) await Promise.all(uncounted.map(({ attempt }) => attempt.reckon(this.#world.counter)));
    const mistake = this.#mistake ?? this.#delivery.fault();
    const { outcome, text } = this.#lastWords(mistake ? { type: 'failed', failure: mistake } : decided);
    const failure = outcome.type === 'failed' ? outcome.failure : undefined;
    const answered = outcome.type === 'answered' ? this.#running[outcome.attempt] : undefined;
    const isGone = failure?.kind === 'cancelled';
    const endedAt = this.#world.clock.now();
    if (answered && !this.#question.chat.stream) this.#firstTokenAt = endedAt;
    const status = failure ? callerErrorOf(failure).status : 200;
    const exchange = exchangeOf(this.#question, outcome, log, this.#records(outcome), {
      status: this.#delivery.begun ? 200 : isGone ? 0 : status,
      ...this.#delivery.close(isGone ? '' : text, this.#delivery.begun || answered !== undefined),
      committed: this.#committed,
      firstTokenAt: this.#firstTokenAt,
      endedAt,
    });
    for (const { target, credential, kind, cost } of exchange.attempts) {
      if (cost) this.#world.observe({ type: 'charged', target, credential, at: endedAt, kind, costNanoUsd: cost.total });
    }
    const head = this.#head(status, answered, exchange.costNanoUsd, failure);
    const sealed = await this.#world.sink.record(exchange).catch((problem: unknown) => mistakeIn('recording', problem));
    if ('kind' in sealed) return this.#unrecorded(exchange, sealed);
    // Where the format has no word for a broken answer, its connection breaks.
    if (isGone || (failure && this.#delivery.begun && text === '')) this.#delivery.fail('', head);
    else this.#delivery.end(head, sealed);
    this.#done.resolve(exchange);
  }

  /** Without a record the answer is not given; what was streamed of it already must not look whole. */
  #unrecorded(exchange: Exchange, failure: Failure): void {
    const status = this.#delivery.begun ? exchange.status : 503;
    this.#delivery.fail(this.#told(recordingUnavailable), this.#head(503, undefined));
    this.#done.resolve({ ...exchange, status, outcome: 'internal', decision: { type: 'failed', failure } });
  }

  /** Not even a record could be made. */
  #break(problem: unknown): void {
    this.#done.reject(problem);
    try {
      this.#delivery.fail('', this.#head(500, undefined));
    } catch {
      // It may be the reader itself that is broken; whoever waits for the end knows already.
    }
  }

  #records(outcome: RouteOutcome): AttemptRecord[] {
    // An attempt that could not even be started has left no trace but its failure in the events.
    return this.#running.flatMap(({ attempt }, i) => [attempt.record(outcome.type === 'answered' && outcome.attempt === i)]);
  }

  /** The last bytes for the caller. An answer that cannot be rendered turns into a failure of ours. */
  #lastWords(outcome: RouteOutcome): { readonly outcome: RouteOutcome; readonly text: string } {
    if (outcome.type === 'failed') return { outcome, text: this.#told(callerErrorOf(outcome.failure)) };
    const { attempt, prepared } = this.#running[outcome.attempt]!;
    const { chat, receivedAt } = this.#question;
    try {
      if (chat.stream) return { outcome, text: this.#lastWord ?? this.#renderer.end() };
      return { outcome, text: answerText(attempt.response!, attempt.bodyText(), prepared, this.#question, secondsOf(receivedAt)) };
    } catch (problem) {
      return this.#lastWords({ type: 'failed', failure: mistakeIn('rendering an answer', problem) });
    }
  }

  #told(error: CallerError): string {
    return this.#delivery.begun ? this.#renderer.fail(error) : this.#question.dialect.renderFailure(error);
  }

  #head(status: number, running: Running | undefined, costNanoUsd?: number, failure?: Failure): Head {
    const { attempt, prepared } = running ?? {};
    return headOf(this.#question, {
      status,
      attempts: this.#running.length,
      ...(attempt && prepared ? { target: attempt.context.command.target, warnings: warningsOf(prepared, attempt.response) } : {}),
      ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
      ...(failure ? { failure } : {}),
    });
  }
}
