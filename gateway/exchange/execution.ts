/** One question on its way: joins the router's drive, the attempts and the reader, and ends in one record. */
import type { CallerError, StreamRenderer } from '../core/chat/caller-format.ts';
import type { ChatResponse } from '../core/chat/chat.ts';
import { blockingWarnings } from '../core/chat/request-loss.ts';
import type { AttemptRecord, Exchange } from '../core/exchange.ts';
import type { RouteOutcome } from '../core/routing/router.ts';
import { type Failure, internalFailure } from '../core/shared/failure.ts';
import type { Instant } from '../core/shared/time.ts';
import { redactingListener, redactor } from '../transport/redact.ts';
import type { UpstreamHandle, UpstreamListener } from '../transport/upstream.ts';
import { Attempt } from './attempt/attempt.ts';
import { callTarget, rejectUnsupported } from './attempt/call.ts';
import type { RunningAttempt } from './attempt/running-attempt.ts';
import {
  type ExecutionEnvironment,
  type PreparedRequest,
  type ResponseHead,
  type ResponseSink,
  type RoutedRequest,
  streamIdleMsDefault,
  type Target,
} from './contract.ts';
import { type AttemptCommand, type AttemptReport, type DriverLog, type RouteDriver, startDriver } from './driver.ts';
import { HealthReporter } from './health-reporter.ts';
import { exchangeOf } from './record.ts';
import { restartChunk, StreamRecovery } from './recovery/stream-recovery.ts';
import { callerErrorOf, recordingUnavailable } from './response/caller-error.ts';
import { Delivery } from './response/delivery.ts';
import { type Delta, isFinalEvent, renderDelta, rendererOf, renderResponse, secondsOf } from './response/render.ts';
import { headOf } from './response/response-head.ts';
import { demandOf, prepare, warningsOf } from './routed-request.ts';
import { prepareJudgeRequest, signalsOf } from './side-calls.ts';

export class Execution {
  readonly #request: RoutedRequest;
  readonly #environment: ExecutionEnvironment;
  readonly #delivery: Delivery;
  readonly #recovery: StreamRecovery;
  #renderer: StreamRenderer;
  readonly #attempts: RunningAttempt[] = [];
  readonly #driver: RouteDriver;
  /** What a call of this question is reckoned to need. */
  readonly #estimatedTokens: number;
  readonly #done = Promise.withResolvers<Exchange>();
  #committed: number | undefined;
  #firstTokenAt: Instant | undefined;
  #mistake: Failure | undefined;
  /** The provider's own, where it passes. */
  #finalEventText: string | undefined;

  constructor(request: RoutedRequest, environment: ExecutionEnvironment, sink: ResponseSink) {
    this.#request = request;
    this.#environment = environment;
    this.#delivery = new Delivery(sink, request.isResumable ? request.id : undefined);
    this.#renderer = rendererOf(request);
    this.#recovery = new StreamRecovery(request.policy.onBreak);
    const targets = [...new Set(request.policy.steps.map(step => step.target))];
    const demand = demandOf(request);
    this.#estimatedTokens = demand.tokens;
    this.#driver = startDriver(request.policy, request.id, {
      clock: environment.clock,
      arrivedAt: request.arrivedAt,
      coolingDown: at => environment.coolingDown(at),
      viewTargets: at => environment.viewTargets?.(targets, demand, at) ?? {},
      ...(environment.enqueue ? { queue: (target, admitted) => environment.enqueue!(target, demand, admitted) } : {}),
      attempt: (command, report) => this.#attempt(command, report),
      commit: attempt => this.#guarded(() => this.#commit(attempt)),
      // The drive may finish inside its own constructor's call; the record is made when that has returned.
      finish: (outcome, log) => queueMicrotask(() => this.#settle(outcome, log).catch(problem => this.#abandon(problem))),
    });
  }

  get done(): Promise<Exchange> {
    return this.#done.promise;
  }

  get response(): ChatResponse | undefined {
    return this.#committed === undefined ? undefined : this.#attempts[this.#committed]?.attempt.response;
  }

  cancel(): void {
    this.#driver.cancel();
  }

  resume(): void {
    if (this.#committed !== undefined) this.#attempts[this.#committed]?.attempt.resume();
  }

  #attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    try {
      return this.#start(command, report);
    } catch (problem) {
      report.failed(internalFailure('starting an attempt', problem));
      return () => {};
    }
  }

  #start(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const { clock, streamIdleMs = streamIdleMsDefault } = this.#environment;
    const target = this.#environment.targetOf(command.target, `${this.#request.id} ${command.attempt}`, this.#estimatedTokens);
    const prepared = this.#prepare(command, target);
    const buffered: Delta[] = [];
    const credential = target.key?.fingerprint ?? '';
    const spanId = this.#environment.newSpanId();
    const redact = redactor(target.key);
    const health = new HealthReporter(this.#environment, {
      target: command.target,
      credential,
      kind: command.kind,
      tokens: this.#estimatedTokens,
    });
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
        priceOf: (model, at) => this.#environment.priceOf(target.provider, target.providerName, model, at),
        send: listener => this.#send(target, prepared, spanId, redactingListener(listener, redact)),
      },
      {
        opened: () => report.opened(),
        events: (events, raw) => this.#onDelta(command.attempt, { events, raw }),
        answered: signals => {
          health.answered(attempt, attempt.response?.usage);
          report.answered(
            signalsOf(command, this.#request.policy, of => this.#attempts[of]!.attempt.response!, attempt.response!, signals),
          );
        },
        failed: failure => {
          health.failed(failure, attempt);
          report.failed(failure, this.#committed === command.attempt && this.#recovery.isContinuable);
        },
      },
    );
    this.#attempts[command.attempt] = { attempt, prepared, buffered, released: () => report.released() };
    return failure => {
      if (failure) health.failed(failure, attempt);
      else health.aborted(attempt);
      attempt.abort(failure);
    };
  }

  /** A judge is asked for its opinion; everybody else what the caller asked. */
  #prepare({ step: index, of, target: targetName }: AttemptCommand, { provider, model }: Target): PreparedRequest {
    const step = this.#request.policy.steps[index]!;
    const judged = of === undefined || targetName === step.target ? undefined : this.#attempts[of]!.attempt.response!;
    if (judged) return prepareJudgeRequest(this.#request, judged, provider, model);
    const continues = this.#committed !== undefined && this.#recovery.type === 'continue';
    if (!continues) return prepare(this.#request, step, provider, model);
    return prepare({ ...this.#request, chat: this.#recovery.continuationRequest(this.#request.chat) }, step, provider, model, true);
  }

  #send(target: Target, prepared: PreparedRequest, spanId: string, listener: UpstreamListener): UpstreamHandle {
    const { onUnsupported, trace, propagatedTrace = { isSampled: true, state: '' }, hops = 0, headers } = this.#request;
    const unsupported = blockingWarnings(prepared.warnings, onUnsupported);
    if (unsupported.length > 0) return rejectUnsupported(unsupported, listener);
    const traceparent = `00-${trace.traceId}-${spanId}-${propagatedTrace.isSampled ? '01' : '00'}`;
    return callTarget(this.#environment, target, prepared, { traceparent, tracestate: propagatedTrace.state, hops, headers }, listener);
  }

  #onDelta(attempt: number, delta: Delta): void {
    if (!this.#request.chat.stream) return;
    const running = this.#attempts[attempt]!;
    if (this.#committed === attempt) this.#deliver(running, delta);
    else {
      running.buffered.push(delta);
      if (this.#recovery.canRelease(running.buffered)) running.released();
    }
  }

  #commit(attempt: number): void {
    const broken = this.#committed === undefined ? undefined : this.#attempts[this.#committed];
    this.#committed = attempt;
    if (!this.#request.chat.stream) return;
    const running = this.#attempts[attempt]!;
    if (broken) this.#switchAttempt(broken, running);
    if (!this.#delivery.headSent) this.#delivery.sendHead(this.#head(200, running));
    for (const delta of running.buffered.splice(0)) this.#deliver(running, delta);
  }

  /** The caller was reading another attempt, which broke. */
  #switchAttempt(broken: RunningAttempt, { attempt }: RunningAttempt): void {
    const restarts = this.#recovery.switchAttempt(broken.attempt, attempt);
    if (!restarts) return;
    this.#renderer = rendererOf(this.#request);
    this.#delivery.write(restartChunk(this.#delivery.bytes));
  }

  #deliver(running: RunningAttempt, received: Delta): void {
    const { isVerbatim, isContinuation } = running.prepared;
    const delta = isContinuation ? { ...received, events: this.#recovery.unsentEvents(received.events) } : received;
    if (isContinuation && delta.events.length === 0) return;
    const text = renderDelta(delta, running.prepared, this.#renderer, this.#request.includeUsage);
    this.#recovery.recordDelivered(delta.events, isVerbatim ? this.#renderer : undefined);
    if (text === '') return;
    if (isFinalEvent(delta, running.prepared)) {
      this.#finalEventText = text;
      return;
    }
    this.#firstTokenAt ??= this.#environment.clock.now();
    if (!this.#delivery.write(text)) running.attempt.pause();
  }

  /** A commit may come from a timer, where a mistake of ours would end the process; it shall end this request. */
  #guarded(commit: () => void): void {
    try {
      commit();
    } catch (problem) {
      this.#mistake = internalFailure('telling the caller', problem);
      this.cancel();
    }
  }

  async #settle(decided: RouteOutcome, log: DriverLog): Promise<void> {
    const uncounted = this.#attempts.filter(({ attempt }) => attempt.isUsageUnknown);
    if (uncounted.length > 0) await Promise.all(uncounted.map(({ attempt }) => attempt.estimateUsage(this.#environment.counter)));
    const mistake = this.#mistake ?? this.#delivery.integrityFailure();
    const { outcome, text } = this.#finalResponse(mistake ? { type: 'failed', failure: mistake } : decided);
    const failure = outcome.type === 'failed' ? outcome.failure : undefined;
    const winner = outcome.type === 'answered' ? this.#attempts[outcome.attempt] : undefined;
    const isGone = failure?.kind === 'cancelled';
    const endedAt = this.#environment.clock.now();
    if (winner && !this.#request.chat.stream) this.#firstTokenAt = endedAt;
    const status = failure ? callerErrorOf(failure).status : 200;
    const exchange = exchangeOf(this.#request, outcome, log, this.#records(outcome), {
      status: this.#delivery.headSent ? 200 : isGone ? 0 : status,
      ...this.#delivery.finish(isGone ? '' : text, this.#delivery.headSent || winner !== undefined),
      committed: this.#committed,
      firstTokenAt: this.#firstTokenAt,
      endedAt,
    });
    for (const { target, credential, kind, cost } of exchange.attempts) {
      if (cost) this.#environment.observe({ type: 'charged', target, credential, at: endedAt, kind, costNanoUsd: cost.total });
    }
    const head = this.#head(status, winner, exchange.costNanoUsd, failure);
    const sealed = await this.#environment.sink.record(exchange).catch((problem: unknown) => internalFailure('recording', problem));
    if ('kind' in sealed) return this.#unrecorded(exchange, sealed);
    // Where the format has no word for a broken answer, its connection breaks.
    if (isGone || (failure && this.#delivery.headSent && text === '')) this.#delivery.fail('', head);
    else this.#delivery.end(head, sealed);
    this.#done.resolve(exchange);
  }

  /** Without a record the answer is not given; what was streamed of it already must not look whole. */
  #unrecorded(exchange: Exchange, failure: Failure): void {
    const status = this.#delivery.headSent ? exchange.status : 503;
    this.#delivery.fail(this.#renderError(recordingUnavailable), this.#head(503, undefined));
    this.#done.resolve({ ...exchange, status, outcome: 'internal', decision: { type: 'failed', failure } });
  }

  /** Not even a record could be made. */
  #abandon(problem: unknown): void {
    this.#done.reject(problem);
    try {
      this.#delivery.fail('', this.#head(500, undefined));
    } catch {
      // It may be the reader itself that is broken; whoever waits for the end knows already.
    }
  }

  #records(outcome: RouteOutcome): AttemptRecord[] {
    // An attempt that could not even be started has left no trace but its failure in the events.
    return this.#attempts.flatMap(({ attempt }, i) => [attempt.record(outcome.type === 'answered' && outcome.attempt === i)]);
  }

  /** The last bytes for the caller. An answer that cannot be rendered turns into a failure of ours. */
  #finalResponse(outcome: RouteOutcome): { readonly outcome: RouteOutcome; readonly text: string } {
    if (outcome.type === 'failed') return { outcome, text: this.#renderError(callerErrorOf(outcome.failure)) };
    const { attempt, prepared } = this.#attempts[outcome.attempt]!;
    const { chat, receivedAt } = this.#request;
    try {
      if (chat.stream) return { outcome, text: this.#finalEventText ?? this.#renderer.end() };
      return { outcome, text: renderResponse(attempt.response!, attempt.bodyText(), prepared, this.#request, secondsOf(receivedAt)) };
    } catch (problem) {
      return this.#finalResponse({ type: 'failed', failure: internalFailure('rendering an answer', problem) });
    }
  }

  #renderError(error: CallerError): string {
    return this.#delivery.headSent ? this.#renderer.fail(error) : this.#request.dialect.renderFailure(error);
  }

  #head(status: number, running: RunningAttempt | undefined, costNanoUsd?: number, failure?: Failure): ResponseHead {
    const { attempt, prepared } = running ?? {};
    return headOf(this.#request, {
      status,
      attempts: this.#attempts.length,
      ...(attempt && prepared ? { target: attempt.context.command.target, warnings: warningsOf(prepared, attempt.response) } : {}),
      ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
      ...(failure ? { failure } : {}),
    });
  }
}
