/** A question that passes through: asked of its route's targets, the bytes of the one that answers go to the caller as they come, and all is recorded. */
import type { ServerResponse } from 'node:http';
import type { CallerError } from '../core/dialect.ts';
import type { Exchange } from '../core/exchange.ts';
import { type Failure, mistakeIn } from '../core/failure.ts';
import type { RouteOutcome } from '../core/route.ts';
import { openaiChat } from '../dialects/openai.ts';
import { callerErrorOf, recordingUnavailable } from '../exchange/caller-error.ts';
import { type AttemptCommand, type AttemptReport, type DriverLog, type RouteDriver, startDriver } from '../exchange/driver.ts';
import type { ExecutionEnvironment, ExecutionHandle, RoutedRequest, Target } from '../exchange/execute.ts';
import { exchangeOf } from '../exchange/record.ts';
import { headOf } from '../exchange/response-head.ts';
import { demandOf } from '../exchange/routed-request.ts';
import type { AskedFor } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';
import type { Sending } from './sending.ts';
import { Try } from './try.ts';

export interface RelayForm {
  readonly endpoint: Endpoint;
  readonly question: RoutedRequest;
  readonly world: ExecutionEnvironment;
  readonly response: ServerResponse;
  readonly accept: string;
  readonly asked: AskedFor;
  /** Throws for a target that was never chosen. */
  sendingTo(target: string): Sending;
  /** What is to be done with a whole answer before it is recorded and told: gives what the caller is told, or why it can have nothing. */
  readonly after: (answer: Buffer, target: Target) => Promise<Buffer | Failure>;
}

/** A provider that does not know a file says nothing of a model. */
function errorOf(failure: Failure, { by }: Endpoint): CallerError {
  if (failure === unrecorded) return recordingUnavailable;
  const error = callerErrorOf(failure);
  if (by === 'model' || failure.kind !== 'not-found') return error;
  return { ...error, code: 'not_found', message: 'The provider knows no such file or batch.', param: 'id' };
}

/** What was fetched could not be recorded, and is not given out without. */
export const unrecorded: Failure = { kind: 'internal', message: 'the results of a batch could not be recorded' };

export class Relay implements ExecutionHandle {
  readonly #form: RelayForm;
  readonly #drive: RouteDriver;
  readonly #done = Promise.withResolvers<Exchange>();
  readonly #tries: Try[] = [];
  #begun = false;
  #committed: number | undefined;

  constructor(form: RelayForm) {
    this.#form = form;
    const { world, question } = form;
    const targets = [...new Set(question.policy.steps.map(step => step.target))];
    const wants = demandOf(question);
    this.#drive = startDriver(question.policy, question.id, {
      clock: world.clock,
      arrivedAt: question.arrivedAt,
      coolingDown: at => world.coolingDown(at),
      viewTargets: at => world.viewTargets?.(targets, wants, at) ?? {},
      ...(world.enqueue ? { queue: (target, admitted) => world.enqueue!(target, wants, admitted) } : {}),
      attempt: (command, report) => this.#attempt(command, report, wants.tokens),
      commit: attempt => {
        this.#committed = attempt;
        this.#flush();
      },
      finish: (outcome, log) => queueMicrotask(() => this.#settle(outcome, log).catch(problem => this.#break(problem))),
    });
  }

  get done(): Promise<Exchange> {
    return this.#done.promise;
  }

  /** What passes through has no words of ours. */
  response(): undefined {}

  cancel(): void {
    this.#drive.cancel();
  }

  resume(): void {
    this.#read?.resume();
  }

  /** The try whose answer the caller reads. */
  get #read(): Try | undefined {
    return this.#committed === undefined ? undefined : this.#tries[this.#committed];
  }

  #attempt(command: AttemptCommand, report: AttemptReport, tokens: number): (failure?: Failure) => void {
    const { world, question, endpoint, accept, asked } = this.#form;
    try {
      const target = world.targetOf(command.target, `${question.id} ${command.attempt}`, tokens);
      const sending = this.#form.sendingTo(command.target);
      const form = { command, target, sending, endpoint, question, world, accept, asked };
      const made = new Try(form, report, () => this.#flush());
      this.#tries[command.attempt] = made;
      return failure => made.abort(failure);
    } catch (problem) {
      report.failed(mistakeIn('starting an attempt', problem));
      return () => {};
    }
  }

  /** What may go out now goes out: of a stream all but its end, once the router has committed. */
  #flush(): void {
    const { response } = this.#form;
    const read = this.#read;
    if (!read?.intake.isStream || response.destroyed) return;
    const { intake } = read;
    if (!this.#begun) {
      this.#begun = true;
      response.writeHead(intake.status, { 'content-type': intake.contentType, 'cache-control': 'no-cache', ...this.#headers(read, 200) });
    }
    const bytes = intake.takeReady();
    if (bytes.length > 0 && !response.write(bytes)) read.pause();
  }

  async #settle(outcome: RouteOutcome, log: DriverLog): Promise<void> {
    const { world, question, endpoint } = this.#form;
    const { decided, told: answer } = await this.#answered(outcome);
    const failure = decided.type === 'failed' ? decided.failure : undefined;
    const isGone = failure?.kind === 'cancelled';
    const error = failure && errorOf(failure, endpoint);
    const read = this.#read;
    const told = error && !isGone ? this.#words(error) : answer;
    const status = error?.status ?? read!.intake.status;
    const { intake } = read ?? {};
    const passed = intake?.isStream && this.#begun ? (failure ? intake.passed() : intake.kept()) : Buffer.alloc(0);
    const accepted = decided.type === 'answered' ? decided.attempt : undefined;
    const endedAt = world.clock.now();
    const exchange: Exchange = {
      ...exchangeOf(
        question,
        decided,
        log,
        this.#tries.flatMap((made, i) => [made.record(i === accepted)]),
        {
          status: this.#begun ? read!.intake.status : isGone ? 0 : status,
          response: intake?.isStream && !failure ? passed : Buffer.concat([passed, told]),
          committed: this.#committed,
          firstTokenAt: read?.firstByteAt,
          endedAt,
        },
      ),
      operation: endpoint.operation,
    };
    for (const { target, credential, kind, cost } of exchange.attempts) {
      if (cost) world.observe({ type: 'charged', target, credential, at: endedAt, kind, costNanoUsd: cost.total });
    }
    const sealed = await world.sink.record(exchange).catch((problem: unknown) => mistakeIn('recording', problem));
    if ('kind' in sealed) {
      this.#tear(this.#words(recordingUnavailable), 503);
      return this.#done.resolve({ ...exchange, outcome: 'internal', decision: { type: 'failed', failure: sealed } });
    }
    if (failure) this.#tear(told, status, failure);
    else this.#end(read!, told, exchange.costNanoUsd);
    this.#done.resolve(exchange);
  }

  /** A whole answer as the caller is told it; an answer that cannot be told is a failure. */
  async #answered(outcome: RouteOutcome): Promise<{ readonly decided: RouteOutcome; readonly told: Buffer }> {
    const nothing = Buffer.alloc(0);
    const read = outcome.type === 'answered' ? this.#tries[outcome.attempt]! : undefined;
    if (!read || read.intake.isStream) return { decided: outcome, told: nothing };
    const body = read.intake.body();
    const told = await Promise.resolve()
      .then(() => (read.sending.told ? read.sending.told(body) : this.#form.after(body, read.target)))
      .catch((problem: unknown) => mistakeIn('reading an answer', problem));
    return 'kind' in told ? { decided: { type: 'failed', failure: told }, told: nothing } : { decided: outcome, told };
  }

  /** The last bytes, which only a sealed record releases. */
  #end(read: Try, told: Buffer, costNanoUsd: number | undefined): void {
    const { response } = this.#form;
    const { intake } = read;
    if (response.destroyed) return;
    if (intake.isStream) {
      this.#flush();
      response.end(intake.takeRest());
      return;
    }
    const type = intake.contentType === '' ? {} : { 'content-type': intake.contentType };
    const headers = this.#headers(read, intake.status, costNanoUsd);
    response.writeHead(intake.status, { ...type, 'content-length': told.length, ...headers });
    response.end(told);
  }

  /** What the caller is told of a failure: an error, or the last event of a stream that has begun. */
  #words(error: CallerError): Buffer {
    const text = openaiChat.renderFailure(error);
    if (!this.#begun) return Buffer.from(text);
    return Buffer.from(this.#read!.intake.isEvents ? `event: error\ndata: ${text}\n\n` : '');
  }

  /** An answer that has begun must not look whole; otherwise an error is one. */
  #tear(told: Buffer, status: number, failure?: Failure): void {
    const { response, question } = this.#form;
    if (response.destroyed) return;
    if (failure?.kind === 'cancelled') return void response.destroy();
    if (this.#begun) {
      // Sound has no word for it.
      if (told.length === 0) return void response.destroy();
      const { socket } = response;
      response.once('finish', () => socket?.destroySoon());
      return void response.end(told);
    }
    const { headers } = headOf(question, { status, attempts: this.#tries.length, ...(failure ? { failure } : {}) });
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': told.length, ...headers });
    response.end(told);
  }

  #break(problem: unknown): void {
    this.#done.reject(problem);
    this.#form.response.destroy();
  }

  #headers({ target, sending }: Try, status: number, costNanoUsd?: number): Readonly<Record<string, string>> {
    const { question } = this.#form;
    const name = `${target.providerName}/${target.model}`;
    const { warnings } = sending;
    const cost = costNanoUsd === undefined ? {} : { costNanoUsd };
    return headOf(question, { status, attempts: this.#tries.length, target: name, warnings, ...cost }).headers;
  }
}
