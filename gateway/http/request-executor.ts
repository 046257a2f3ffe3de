/** Executes a routed request and writes its response. Repeats with the same Idempotency-Key join it; it is cancelled when no caller is left. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission, BudgetAdmission } from '../budgets/admission.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { Clock, Milliseconds } from '../core/shared/time.ts';
import type { ExecutionHandle, ExecutionObserver, RequestContext, RoutedRequest } from '../exchange/contract.ts';
import { execute } from '../exchange/execute.ts';
import { isRefusal, type Refusal, recordingRefusal } from '../exchange/response/refusal.ts';
import { IdempotencyStore, type SharedResponse } from '../idempotency/idempotency-store.ts';
import { ResponseWriter } from './response-writer.ts';

export interface StartedExecution {
  readonly request: RoutedRequest;
  readonly execution: ExecutionHandle;
  /** It joins the execution of an earlier request. */
  readonly isJoined: boolean;
}

export interface RequestExecutorOptions {
  readonly clock: Clock;
  readonly sink: Pick<ExchangeSink, 'refusal'>;
  readonly keepAliveMs: Milliseconds;
  readonly budgets: BudgetAdmission;
}

export class RequestExecutor {
  readonly #options: RequestExecutorOptions;
  readonly #idempotency: IdempotencyStore;

  constructor(options: RequestExecutorOptions) {
    this.#options = options;
    this.#idempotency = new IdempotencyStore(options.clock);
  }

  /** Starts the execution, or returns a refusal. A promise only when a ledger or an earlier request must be awaited. */
  execute(
    routed: RoutedRequest,
    { headers }: IncomingMessage,
    response: ServerResponse,
    context: RequestContext,
    observer: ExecutionObserver,
  ): StartedExecution | Refusal | Promise<StartedExecution | Refusal> {
    const shared = this.#idempotency.join(headers, routed);
    if (shared === undefined) return this.#executeAlone(routed, response, context, observer);
    if (isRefusal(shared)) return shared;
    if (shared.execution || shared.buffer.isSuccessful) return this.#join(shared, routed, response);
    return this.#executeShared(shared, routed, response, context, observer);
  }

  #executeAlone(
    routed: RoutedRequest,
    response: ServerResponse,
    context: RequestContext,
    observer: ExecutionObserver,
  ): StartedExecution | Refusal | Promise<StartedExecution | Refusal> {
    const begin = (admission: Admission | undefined): StartedExecution => {
      announceLimits(response, admission);
      const writer = this.#writerFor(routed, response);
      const execution = execute(routed, context.runtime, writer, observer);
      cancelOnClose(response, writer, execution, () => execution.cancel());
      admission?.settleWhenDone(execution);
      return { request: routed, execution, isJoined: false };
    };
    const admission = this.#admit(routed, context);
    if (admission === undefined) return begin(undefined);
    if (admission instanceof Promise) return admission.then(known => (known && isRefusal(known) ? known : begin(known)));
    return isRefusal(admission) ? admission : begin(admission);
  }

  async #executeShared(
    shared: SharedResponse,
    routed: RoutedRequest,
    response: ServerResponse,
    context: RequestContext,
    observer: ExecutionObserver,
  ): Promise<StartedExecution | Refusal> {
    const release = (): void => this.#idempotency.complete(shared);
    shared.execution = this.#beginShared(shared, routed, response, context, observer, release);
    const execution = await shared.execution.catch((problem: unknown) => {
      release();
      throw problem;
    });
    if (!isRefusal(execution)) return { request: routed, execution, isJoined: false };
    release();
    return execution;
  }

  async #beginShared(
    shared: SharedResponse,
    routed: RoutedRequest,
    response: ServerResponse,
    context: RequestContext,
    observer: ExecutionObserver,
    release: () => void,
  ): Promise<ExecutionHandle | Refusal> {
    const admission = await this.#admit(routed, context);
    if (admission && isRefusal(admission)) return admission;
    announceLimits(response, admission);
    const writer = this.#writerFor(routed, response);
    shared.buffer.attach(writer);
    const execution = execute(routed, context.runtime, shared.buffer, observer);
    cancelOnClose(response, writer, execution, () => this.#detach(shared, writer, execution, routed));
    execution.done.then(release, release);
    admission?.settleWhenDone(execution);
    return execution;
  }

  async #join(shared: SharedResponse, routed: RoutedRequest, response: ServerResponse): Promise<StartedExecution | Refusal> {
    const execution = shared.execution ? await shared.execution : finishedExecution;
    if (isRefusal(execution)) return execution;
    response.setHeader('x-hindcast-repeat', 'true');
    const writer = this.#writerFor({ ...routed, id: shared.id }, response);
    shared.buffer.attach(writer, shared.fromEvent);
    // There may be no content yet, and the head waits for the first write.
    if (writer.headSent) response.flushHeaders();
    cancelOnClose(response, writer, execution, () => this.#detach(shared, writer, execution, routed));
    return { request: routed, execution, isJoined: true };
  }

  /** No provider is called when the exchange cannot be recorded, or when budget or limits refuse it. */
  #admit(routed: RoutedRequest, context: RequestContext): ReturnType<BudgetAdmission['admit']> | Refusal {
    const { sink, budgets } = this.#options;
    return sink.refusal() === undefined ? budgets.admit(routed, context) : recordingRefusal;
  }

  /** A caller that may resume has some time to reconnect, in which the provider continues. */
  #detach({ buffer }: SharedResponse, writer: ResponseWriter, execution: ExecutionHandle, { isResumable }: RoutedRequest): void {
    const { clock } = this.#options;
    const cancelIfUnread = (): void => {
      if (buffer.sinkCount === 0) execution.cancel();
    };
    buffer.detach(writer);
    if (!isResumable) return cancelIfUnread();
    const cancel = clock.at(clock.now() + resumeMs, cancelIfUnread);
    execution.done.then(cancel, cancel);
  }

  #writerFor(routed: RoutedRequest, response: ServerResponse): ResponseWriter {
    return new ResponseWriter(response, this.#options.clock, routed, this.#options.keepAliveMs);
  }
}

function announceLimits(response: ServerResponse, admission: Admission | undefined): void {
  if (admission) for (const [name, value] of Object.entries(admission.headers)) response.setHeader(name, value);
}

/** How long a stream waits for its caller to come back. */
const resumeMs: Milliseconds = 60_000;

/** Of an answer that was whole before: nothing is under way. */
const finishedExecution: ExecutionHandle = { done: new Promise(() => {}), cancel: () => {}, resume: () => {}, response: () => undefined };

function cancelOnClose(response: ServerResponse, writer: ResponseWriter, execution: ExecutionHandle, onAborted: () => void): void {
  const leave = (): void => {
    writer.stop();
    if (!response.writableFinished) onAborted();
  };
  if (response.destroyed) leave();
  response.on('close', leave).on('drain', () => execution.resume());
}
