/** The execution of a passed-through request: attempts on its route's targets, the response's bytes unchanged to the caller, one record. */
import type { ServerResponse } from 'node:http';
import type { CallerError } from '../core/chat/caller-format.ts';
import type { Exchange } from '../core/exchange.ts';
import type { RouteOutcome } from '../core/routing/router.ts';
import { type Failure, internalFailure } from '../core/shared/failure.ts';
import { openaiChat } from '../dialects/openai.ts';
import type { ExecutionEnvironment, ExecutionHandle, RoutedRequest, Target } from '../exchange/contract.ts';
import { type AttemptCommand, type AttemptReport, type DriverLog, type RouteDriver, startDriver } from '../exchange/driver.ts';
import { exchangeOf } from '../exchange/record.ts';
import { callerErrorOf, recordingUnavailable } from '../exchange/response/caller-error.ts';
import { headOf, jsonType } from '../exchange/response/response-head.ts';
import { demandOf } from '../exchange/routed-request.ts';
import { TriedKeys } from '../exchange/tried-keys.ts';
import { PassThroughAttempt } from './attempt.ts';
import type { RequestFields } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';
import type { TargetRequest } from './target-request.ts';

export interface PassThroughInput {
  readonly endpoint: Endpoint;
  readonly request: RoutedRequest;
  readonly environment: ExecutionEnvironment;
  readonly response: ServerResponse;
  readonly accept: string;
  readonly fields: RequestFields;
  /** What the target is sent. Throws for a target outside the route. */
  requestFor(target: string): TargetRequest;
  /** Runs on a non-streaming response before it is recorded and sent. Resolves to the caller's body, or to why the caller gets an error. */
  readonly afterResponse: (body: Buffer, target: Target) => Promise<Buffer | Failure>;
}

/** A 404 for a file or batch does not mean that the model is unknown. */
function callerErrorFor(failure: Failure, { by }: Endpoint): CallerError {
  if (failure === recordingFailed) return recordingUnavailable;
  const error = callerErrorOf(failure);
  if (by === 'model' || failure.kind !== 'not-found') return error;
  return { ...error, code: 'not_found', message: 'The provider has no such file or batch.', param: 'id' };
}

/** The results of a batch are not sent to the caller without a record. */
export const recordingFailed: Failure = { kind: 'internal', message: 'the results of a batch could not be recorded' };

/** Runs from the constructor on. `done` resolves to the recorded exchange, and rejects only for an internal error. */
export class PassThroughExecution implements ExecutionHandle {
  readonly #input: PassThroughInput;
  readonly #drive: RouteDriver;
  readonly #done = Promise.withResolvers<Exchange>();
  readonly #attempts: PassThroughAttempt[] = [];
  #hasBegun = false;
  #committed: number | undefined;
  #triedKeys: TriedKeys | undefined;

  constructor(input: PassThroughInput) {
    this.#input = input;
    const { environment, request } = input;
    const targets = [...new Set(request.policy.steps.map(step => step.target))];
    const demand = demandOf(request);
    this.#drive = startDriver(request.policy, request.id, {
      clock: environment.clock,
      arrivedAt: request.arrivedAt,
      coolingDown: at => environment.coolingDown(at),
      viewTargets: at => environment.viewTargets?.(targets, demand, at) ?? {},
      ...(environment.enqueue ? { queue: (target, admitted) => environment.enqueue!(target, demand, admitted) } : {}),
      attempt: (command, report) => this.#attempt(command, report, demand.tokens),
      commit: attempt => {
        this.#committed = attempt;
        this.#flush();
      },
      finish: (outcome, log) => queueMicrotask(() => this.#settle(outcome, log).catch(problem => this.#crash(problem))),
    });
  }

  get done(): Promise<Exchange> {
    return this.#done.promise;
  }

  /** Always undefined: a passed-through response is not parsed as chat. */
  response(): undefined {}

  cancel(): void {
    this.#drive.cancel();
  }

  resume(): void {
    this.#committedAttempt?.resume();
  }

  /** The attempt whose response the caller gets. */
  get #committedAttempt(): PassThroughAttempt | undefined {
    return this.#committed === undefined ? undefined : this.#attempts[this.#committed];
  }

  #attempt(command: AttemptCommand, report: AttemptReport, tokens: number): (failure?: Failure) => void {
    const { environment, request, endpoint, accept, fields } = this.#input;
    try {
      this.#triedKeys ??= new TriedKeys(environment, tokens);
      const avoided = this.#triedKeys.at(command.target);
      const target = environment.targetOf(command.target, `${request.id} ${command.attempt}`, tokens, avoided);
      const targetRequest = this.#input.requestFor(command.target);
      const attemptInput = {
        command,
        triedKeys: this.#triedKeys,
        target,
        targetRequest,
        endpoint,
        request,
        environment,
        accept,
        fields,
      };
      const attempt = new PassThroughAttempt(attemptInput, report, () => this.#flush());
      this.#attempts[command.attempt] = attempt;
      return failure => attempt.abort(failure);
    } catch (problem) {
      report.failed(internalFailure('starting an attempt', problem));
      return () => {};
    }
  }

  /** Sends the caller what is ready: of a stream all but its final event, once the router has committed. */
  #flush(): void {
    const { response } = this.#input;
    const attempt = this.#committedAttempt;
    if (!attempt?.upstreamResponse.isStream || response.destroyed) return;
    const { upstreamResponse } = attempt;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      const type = ['content-type', upstreamResponse.contentType, 'cache-control', 'no-cache'];
      response.writeHead(upstreamResponse.status, [...type, ...this.#headers(attempt, 200)]);
    }
    const bytes = upstreamResponse.takeReady();
    if (bytes.length > 0 && !response.write(bytes)) attempt.pause();
  }

  async #settle(outcome: RouteOutcome, log: DriverLog): Promise<void> {
    const { environment, request, endpoint } = this.#input;
    const { decision, body: responseBody } = await this.#renderResponse(outcome);
    const failure = decision.type === 'failed' ? decision.failure : undefined;
    const isCancelled = failure?.kind === 'cancelled';
    const error = failure && callerErrorFor(failure, endpoint);
    const attempt = this.#committedAttempt;
    const body = error && !isCancelled ? this.#renderError(error) : responseBody;
    const status = error?.status ?? attempt!.upstreamResponse.status;
    const { upstreamResponse } = attempt ?? {};
    const delivered =
      upstreamResponse?.isStream && this.#hasBegun
        ? failure
          ? upstreamResponse.delivered()
          : upstreamResponse.recorded()
        : Buffer.alloc(0);
    const accepted = decision.type === 'answered' ? decision.attempt : undefined;
    const endedAt = environment.clock.now();
    const exchange: Exchange = {
      ...exchangeOf(
        request,
        decision,
        log,
        this.#attempts.flatMap((attempt, i) => [attempt.record(i === accepted)]),
        {
          status: this.#hasBegun ? attempt!.upstreamResponse.status : isCancelled ? 0 : status,
          response: upstreamResponse?.isStream && !failure ? delivered : Buffer.concat([delivered, body]),
          committed: this.#committed,
          firstTokenAt: attempt?.firstByteAt,
          endedAt,
        },
      ),
      operation: endpoint.operation,
    };
    for (const { target, credential, kind, cost } of exchange.attempts) {
      if (cost) environment.observe({ type: 'charged', target, credential, at: endedAt, kind, costNanoUsd: cost.total });
    }
    const sealed = await environment.sink.record(exchange).catch((problem: unknown) => internalFailure('recording', problem));
    if ('kind' in sealed) {
      this.#sendError(this.#renderError(recordingUnavailable), 503);
      return this.#done.resolve({ ...exchange, outcome: 'internal', decision: { type: 'failed', failure: sealed } });
    }
    if (failure) this.#sendError(body, status, failure);
    else this.#finish(attempt!, body, exchange.costNanoUsd);
    this.#done.resolve(exchange);
  }

  /** A non-streaming response as the caller gets it. One that cannot be translated is a failure. */
  async #renderResponse(outcome: RouteOutcome): Promise<{ readonly decision: RouteOutcome; readonly body: Buffer }> {
    const empty = Buffer.alloc(0);
    const attempt = outcome.type === 'answered' ? this.#attempts[outcome.attempt]! : undefined;
    if (!attempt || attempt.upstreamResponse.isStream) return { decision: outcome, body: empty };
    const body = attempt.upstreamResponse.body();
    const rendered = await Promise.resolve()
      .then(() =>
        attempt.targetRequest.translateResponse
          ? attempt.targetRequest.translateResponse(body)
          : this.#input.afterResponse(body, attempt.target),
      )
      .catch((problem: unknown) => internalFailure('reading a response', problem));
    return 'kind' in rendered ? { decision: { type: 'failed', failure: rendered }, body: empty } : { decision: outcome, body: rendered };
  }

  /** Sends the last bytes, after the record has been sealed. */
  #finish(attempt: PassThroughAttempt, body: Buffer, costNanoUsd: number | undefined): void {
    const { response } = this.#input;
    const { upstreamResponse } = attempt;
    if (response.destroyed) return;
    if (upstreamResponse.isStream) {
      this.#flush();
      response.end(upstreamResponse.takeRest());
      return;
    }
    const type = upstreamResponse.contentType === '' ? [] : ['content-type', upstreamResponse.contentType];
    const headers = this.#headers(attempt, upstreamResponse.status, costNanoUsd);
    response.writeHead(upstreamResponse.status, [...type, 'content-length', String(body.length), ...headers]);
    response.end(body);
  }

  /** The error body, or the error event of a stream that has begun. */
  #renderError(error: CallerError): Buffer {
    const text = openaiChat.renderFailure(error);
    if (!this.#hasBegun) return Buffer.from(text);
    return Buffer.from(this.#committedAttempt!.upstreamResponse.isEventStream ? `event: error\ndata: ${text}\n\n` : '');
  }

  /** A stream that has begun is cut after the error event, so that it does not look complete. */
  #sendError(body: Buffer, status: number, failure?: Failure): void {
    const { response, request } = this.#input;
    if (response.destroyed) return;
    if (failure?.kind === 'cancelled') return void response.destroy();
    if (this.#hasBegun) {
      // Audio has no form for an error.
      if (body.length === 0) return void response.destroy();
      const { socket } = response;
      response.once('finish', () => socket?.destroySoon());
      return void response.end(body);
    }
    const { headers } = headOf(request, { status, attempts: this.#attempts.length, ...(failure ? { failure } : {}) });
    response.writeHead(status, ['content-type', jsonType, 'content-length', String(body.length), ...headers]);
    response.end(body);
  }

  #crash(problem: unknown): void {
    this.#done.reject(problem);
    this.#input.response.destroy();
  }

  #headers({ target, targetRequest }: PassThroughAttempt, status: number, costNanoUsd?: number): readonly string[] {
    const { request } = this.#input;
    const name = `${target.providerName}/${target.model}`;
    const { warnings } = targetRequest;
    const cost = costNanoUsd === undefined ? {} : { costNanoUsd };
    return headOf(request, { status, attempts: this.#attempts.length, target: name, warnings, ...cost }).headers;
  }
}
