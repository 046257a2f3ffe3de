/** One call that passes through: the provider's bytes go to the caller as they come, and what was asked, answered and paid is recorded. */
import type { ServerResponse } from 'node:http';
import type { Asking, AskWorld, Target } from '../asking/ask.ts';
import type { Question } from '../asking/question.ts';
import { exchangeOf } from '../asking/record.ts';
import type { CallerError } from '../core/dialect.ts';
import type { AttemptRecord, Exchange } from '../core/exchange.ts';
import { type Failure, mistakeIn } from '../core/failure.ts';
import type { RouteOutcome } from '../core/route.ts';
import type { Instant } from '../core/time.ts';
import { openaiChat } from '../dialects/openai.ts';
import { type AttemptReport, type Drive, type DriveLog, drive } from '../drive.ts';
import { headOf } from '../http/head.ts';
import { callerErrorOf, recordingUnavailable } from '../http/tell.ts';
import { headersOf, urlOf } from '../upstream/call.ts';
import { deaf, type Redactor, redactor } from '../upstream/redact.ts';
import type { UpstreamHandle } from '../upstream.ts';
import { type AskedFor, consumedBy, objectsIn } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';
import { Intake } from './intake.ts';
import { costOf } from './price.ts';

export interface RelayForm {
  readonly endpoint: Endpoint;
  readonly question: Question;
  readonly world: AskWorld;
  readonly response: ServerResponse;
  /** Appended to the base URL. */
  readonly path: string;
  /** What is sent; undefined for calls without a body. */
  readonly body: Buffer | undefined;
  readonly contentType: string | undefined;
  readonly accept: string;
  /** The model as the provider is asked for it, '' for none. */
  readonly model: string;
  readonly asked: AskedFor;
  /** What is to be done with a whole answer before it is recorded and told: gives what the caller is told. */
  readonly after: (answer: Buffer, target: Target) => Promise<Buffer>;
}

/** A provider that does not know a file says nothing of a model. */
function errorOf(failure: Failure, { by }: Endpoint): CallerError {
  const error = callerErrorOf(failure);
  if (by === 'model' || failure.kind !== 'not-found') return error;
  return { ...error, code: 'not_found', message: 'The provider knows no such file or batch.', param: 'id' };
}

export class Relay implements Asking {
  readonly #form: RelayForm;
  readonly #drive: Drive;
  readonly #done = Promise.withResolvers<Exchange>();
  #target: Target | undefined;
  #intake: Intake | undefined;
  #handle: UpstreamHandle | undefined;
  #redact: Redactor = redactor(undefined);
  #startedAt: Instant = 0;
  #endedAt: Instant | undefined;
  #failure: Failure | undefined;
  #spanId = '';
  #begun = false;
  #committed = false;
  #firstByteAt: Instant | undefined;

  constructor(form: RelayForm) {
    this.#form = form;
    const { world, question } = form;
    this.#drive = drive(question.policy, question.id, {
      clock: world.clock,
      arrivedAt: question.arrivedAt,
      closed: at => world.closed(at),
      attempt: (command, report) => this.#start(command.target, report),
      commit: () => {
        this.#committed = true;
        this.#flush();
      },
      finish: (outcome, log) => queueMicrotask(() => this.#settle(outcome, log).catch(problem => this.#break(problem))),
    });
  }

  get done(): Promise<Exchange> {
    return this.#done.promise;
  }

  /** What passes through has no words of ours. */
  answer(): undefined {}

  leave(): void {
    this.#drive.leave();
  }

  resume(): void {
    this.#handle?.resume();
  }

  #start(name: string, report: AttemptReport): (failure?: Failure) => void {
    const { world, question, endpoint } = this.#form;
    const target = world.targetOf(name, `${question.id} 0`);
    this.#target = target;
    this.#redact = redactor(target.key);
    this.#startedAt = world.clock.now();
    this.#spanId = world.newSpanId();
    const about = () => ({ target: name, credential: target.key?.fingerprint ?? '', at: world.clock.now() });
    const fail = (failure: Failure): void => {
      if (this.#endedAt !== undefined) return;
      this.#failure = this.#redact.failure(failure);
      this.#endedAt = world.clock.now();
      this.#handle?.abort();
      world.observe({ ...about(), type: 'failed', failure: this.#failure });
      report.failed(this.#failure);
    };
    world.observe({ ...about(), type: 'asked' });
    this.#intake = new Intake(endpoint, target.provider, {
      opened: () => report.opened(),
      arrived: () => this.#flush(),
      whole: () => {
        if (this.#endedAt !== undefined) return;
        this.#endedAt = world.clock.now();
        world.observe({ ...about(), type: 'answered', firstTokenMs: this.#endedAt - this.#startedAt });
        report.answered({});
      },
      failed: fail,
    });
    this.#handle = this.#send(target, this.#intake);
    return failure => {
      if (failure) fail(failure);
      this.#endedAt ??= world.clock.now();
      this.#handle?.abort();
    };
  }

  #send(target: Target, intake: Intake): UpstreamHandle {
    const { world, question, endpoint, path, body, contentType, accept } = this.#form;
    const { trace, onward = { isSampled: true, state: '' }, hops = 0 } = question;
    const traceparent = `00-${trace.traceId}-${this.#spanId}-${onward.isSampled ? '01' : '00'}`;
    const { 'content-type': _, ...headers } = headersOf(target, false, { traceparent, tracestate: onward.state, hops, headers: {} });
    return world.upstream.send(
      {
        method: endpoint.method,
        url: urlOf(target, path),
        headers: { ...headers, accept, ...(contentType === undefined || !body ? {} : { 'content-type': contentType }) },
        ...(body ? { body } : {}),
        allowPrivate: target.allowPrivate,
      },
      deaf(
        {
          headers: (status, told) => {
            this.#firstByteAt = world.clock.now();
            intake.onHeaders(status, told);
          },
          chunk: bytes => intake.onChunk(bytes, world.clock.now() - this.#startedAt),
          end: () => intake.onEnd(),
          failed: failure => intake.onCut(failure),
        },
        this.#redact,
      ),
    );
  }

  /** What may go out now goes out: of a stream all but its end, once the router has committed. */
  #flush(): void {
    const { response, question } = this.#form;
    const intake = this.#intake;
    if (!intake?.isStream || !this.#committed || response.destroyed) return;
    if (!this.#begun) {
      this.#begun = true;
      response.writeHead(intake.status, {
        'content-type': intake.contentType,
        'cache-control': 'no-cache',
        ...this.#headers(question, 200),
      });
    }
    const bytes = intake.takeReady();
    if (bytes.length > 0 && !response.write(bytes)) this.#handle?.pause();
  }

  async #settle(outcome: RouteOutcome, log: DriveLog): Promise<void> {
    const { world, question, endpoint } = this.#form;
    let decided = outcome;
    let told = Buffer.alloc(0) as Buffer;
    if (outcome.type === 'answered' && !this.#intake!.isStream) {
      try {
        told = await this.#form.after(this.#intake!.body(), this.#target!);
      } catch (problem) {
        decided = { type: 'failed', failure: mistakeIn('reading an answer', problem) };
      }
    }
    const failure = decided.type === 'failed' ? decided.failure : undefined;
    const isGone = failure?.kind === 'cancelled';
    const error = failure && errorOf(failure, endpoint);
    if (error && !this.#begun) told = Buffer.from(openaiChat.renderFailure(error));
    const status = error ? error.status : this.#intake!.status;
    const delivered = this.#intake?.isStream ? this.#intake.kept() : isGone ? Buffer.alloc(0) : told;
    const endedAt = world.clock.now();
    const exchange: Exchange = {
      ...exchangeOf(question, decided, log, this.#target ? [this.#record(decided)] : [], {
        status: this.#begun ? this.#intake!.status : isGone ? 0 : status,
        response: delivered,
        committed: this.#committed ? 0 : undefined,
        firstTokenAt: this.#firstByteAt,
        endedAt,
      }),
      operation: endpoint.operation,
    };
    const sealed = await world.sink.record(exchange).catch((problem: unknown) => mistakeIn('recording', problem));
    if ('kind' in sealed) {
      this.#tear(Buffer.from(openaiChat.renderFailure(recordingUnavailable)), 503);
      return this.#done.resolve({ ...exchange, outcome: 'internal', decision: { type: 'failed', failure: sealed } });
    }
    if (failure) this.#tear(told, status, failure);
    else this.#end(told, exchange.costNanoUsd);
    this.#done.resolve(exchange);
  }

  /** The last bytes, which only a sealed record releases. */
  #end(told: Buffer, costNanoUsd: number | undefined): void {
    const { response, question } = this.#form;
    const intake = this.#intake!;
    if (response.destroyed) return;
    if (intake.isStream) {
      this.#flush();
      response.end(intake.takeRest());
      return;
    }
    const type = intake.contentType === '' ? {} : { 'content-type': intake.contentType };
    response.writeHead(intake.status, { ...type, 'content-length': told.length, ...this.#headers(question, intake.status, costNanoUsd) });
    response.end(told);
  }

  /** An answer that has begun must not look whole; otherwise an error is one. */
  #tear(told: Buffer, status: number, failure?: Failure): void {
    const { response, question } = this.#form;
    if (response.destroyed) return;
    if (this.#begun || failure?.kind === 'cancelled') return void response.destroy();
    const headers = headOf(question, { status, attempts: this.#target ? 1 : 0, ...(failure ? { failure } : {}) }).headers;
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': told.length, ...headers });
    response.end(told);
  }

  #break(problem: unknown): void {
    this.#done.reject(problem);
    this.#form.response.destroy();
  }

  #headers(question: Question, status: number, costNanoUsd?: number): Readonly<Record<string, string>> {
    const target = question.policy.steps[0]!.target;
    return headOf(question, { status, attempts: 1, target, ...(costNanoUsd === undefined ? {} : { costNanoUsd }) }).headers;
  }

  #record(outcome: RouteOutcome): AttemptRecord {
    const { world, question, endpoint, model, body, asked } = this.#form;
    const target = this.#target!;
    const intake = this.#intake!;
    const kept = intake.kept();
    const answered = outcome.type === 'answered';
    const consumed = answered ? consumedBy(endpoint.operation, asked, objectsIn(intake.contentType, kept)) : undefined;
    const priced = (name: string) => {
      const price = world.priceOf(target.provider, target.providerName, name, this.#startedAt);
      return costOf(consumed!, { book: target.provider.priceBook, model: name, at: this.#startedAt, price });
    };
    const cost =
      consumed && (consumed.servedModel || model) ? (consumed.servedModel && priced(consumed.servedModel)) || priced(model) : undefined;
    const firstByteMs = this.#firstByteAt === undefined ? {} : { firstByteMs: this.#firstByteAt - this.#startedAt };
    return {
      number: 1,
      kind: 'primary',
      step: 0,
      target: question.policy.steps[0]!.target,
      provider: target.providerName,
      model,
      servedModel: consumed?.servedModel ?? '',
      credential: target.key?.fingerprint ?? '',
      spanId: this.#spanId,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt ?? world.clock.now(),
      ...firstByteMs,
      status: intake.status,
      outcome: this.#failure?.kind ?? (answered ? 'ok' : 'aborted'),
      ...(this.#failure ? { failure: this.#failure } : {}),
      accepted: answered,
      request: body ?? Buffer.alloc(0),
      response: kept,
      chunks: intake.arrivals,
      providerRequestId: intake.headers['x-request-id'] ?? '',
      ...(consumed?.usage ? { usage: consumed.usage } : {}),
      ...(cost ? { cost } : {}),
      signals: {},
      warnings: [],
      flags: intake.flags,
    };
  }
}
