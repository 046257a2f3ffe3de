/** One question on its way: joins the router's drive, the attempts and the caller's response, and ends in one record. */
import type { ChatResponse, StreamEvent } from '../core/chat/chat.ts';
import type { SseEvent } from '../core/chat/provider.ts';
import type { AttemptRecord, Exchange, Sealed } from '../core/exchange.ts';
import type { RouteOutcome, TargetView } from '../core/routing/router.ts';
import { type Failure, internalFailure } from '../core/shared/failure.ts';
import type { Cancel, Clock, Instant } from '../core/shared/time.ts';
import type { Signals } from '../core/signals/names.ts';
import type { Demand } from '../targets/registry.ts';
import { redactingListener, redactor } from '../transport/redact.ts';
import { Attempt } from './attempt/attempt.ts';
import type { AttemptListener } from './attempt/attempt-contract.ts';
import { sendAttempt } from './attempt/call.ts';
import type { RunningAttempt } from './attempt/running-attempt.ts';
import {
  type ExecutionEnvironment,
  type ExecutionHandle,
  type ExecutionObserver,
  type PreparedRequest,
  type ResponseHead,
  type ResponseSink,
  type RoutedRequest,
  streamIdleMsDefault,
  type Target,
} from './contract.ts';
import { type AttemptCommand, type AttemptReport, Driver, type DriverLog, type DriverPorts } from './driver.ts';
import { ExecutionEnd } from './execution-end.ts';
import { HealthReporter } from './health-reporter.ts';
import { exchangeOf } from './record.ts';
import { StreamRecovery } from './recovery/stream-recovery.ts';
import { callerErrorOf, recordingUnavailable } from './response/caller-error.ts';
import { CallerResponse, type FinalResponse } from './response/caller-response.ts';
import type { Delta } from './response/render.ts';
import { demandOf, prepare, targetsOf } from './routed-request.ts';
import { prepareJudgeRequest, signalsOf } from './side-calls.ts';
import { TriedKeys } from './tried-keys.ts';

const notQueued: Cancel = () => {};
const isUncounted = ({ attempt }: RunningAttempt): boolean => attempt.isUsageUnknown;

export class Execution implements ExecutionHandle, DriverPorts, AttemptListener<Attempt> {
  readonly clock: Clock;
  readonly arrivedAt: Instant | undefined;
  readonly #request: RoutedRequest;
  readonly #environment: ExecutionEnvironment;
  readonly #recovery: StreamRecovery;
  readonly #response: CallerResponse;
  readonly #attempts: RunningAttempt[] = [];
  readonly #driver: Driver;
  readonly #targets: readonly string[];
  /** Estimated tokens of a call. */
  readonly #demand: Demand;
  readonly #end: ExecutionEnd;
  #committed: number | undefined;
  #triedKeys: TriedKeys | undefined;
  #mistake: Failure | undefined;

  constructor(request: RoutedRequest, environment: ExecutionEnvironment, sink: ResponseSink, observer: ExecutionObserver | undefined) {
    this.clock = environment.clock;
    this.arrivedAt = request.arrivedAt;
    this.#request = request;
    this.#environment = environment;
    this.#end = new ExecutionEnd(observer);
    this.#recovery = new StreamRecovery(request.policy.onBreak);
    this.#response = new CallerResponse(request, sink, this.#recovery);
    this.#targets = targetsOf(request.policy);
    this.#demand = demandOf(request);
    this.#driver = new Driver(request.policy, this);
  }

  start(): void {
    this.#driver.begin(this.#request.id);
  }

  get done(): Promise<Exchange> {
    return this.#end.promise;
  }

  response(): ChatResponse | undefined {
    return this.#committed === undefined ? undefined : this.#attempts[this.#committed]?.attempt.response;
  }

  cancel(): void {
    this.#driver.cancel();
  }

  resume(): void {
    if (this.#committed !== undefined) this.#attempts[this.#committed]?.attempt.resume();
  }

  coolingDown(at: Instant): Readonly<Record<string, Instant>> {
    return this.#environment.coolingDown(at);
  }

  viewTargets(at: Instant): Omit<TargetView, 'closed'> {
    return this.#environment.viewTargets?.(this.#targets, this.#demand, at) ?? {};
  }

  queue(target: string, admitted: () => void): Cancel {
    return this.#environment.enqueue?.(target, this.#demand, admitted) ?? notQueued;
  }

  attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    try {
      return this.#start(command, report);
    } catch (problem) {
      report.failed(internalFailure('starting an attempt', problem));
      return () => {};
    }
  }

  #start(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const { clock, streamIdleMs = streamIdleMsDefault } = this.#environment;
    const { tokens } = this.#demand;
    const avoided = this.#triedKeys?.at(command.target);
    const target = this.#environment.targetOf(command.target, `${this.#request.id} ${command.attempt}`, tokens, avoided);
    const prepared = this.#prepare(command, target);
    const bodyBytes = prepared.bytes ?? Buffer.from(prepared.body);
    const credential = target.key?.fingerprint ?? '';
    const spanId = this.#environment.newSpanId();
    const redact = redactor(target.key);
    const health = new HealthReporter(this.#environment, { ...command, credential, tokens });
    const { provider, providerName, model } = target;
    const attempt = new Attempt(
      {
        ...{ command, provider, providerName, model, credential, spanId, prepared, bodyBytes, redact, clock },
        ...{ idleMs: streamIdleMs, account: this.#request.bytes },
        priceOf: (name, at) => this.#environment.priceOf(provider, providerName, name, at),
        send: listener =>
          sendAttempt(this.#environment, this.#request, { target, prepared, body: bodyBytes, spanId }, redactingListener(listener, redact)),
      },
      this,
    );
    this.#attempts[command.attempt] = { attempt, prepared, buffered: [], report, health };
    attempt.start();
    return failure => {
      if (failure) health.failed(failure, attempt);
      else health.aborted(attempt);
      attempt.abort(failure);
    };
  }

  opened({ context }: Attempt): void {
    this.#attempts[context.command.attempt]!.report.opened();
  }

  answered(attempt: Attempt, signals: Signals): void {
    const { command } = attempt.context;
    const { health, report } = this.#attempts[command.attempt]!;
    const response = attempt.response!;
    health.answered(attempt, response.usage);
    report.answered(signalsOf(command, this.#request.policy, of => this.#attempts[of]!.attempt.response!, response, signals));
  }

  failed(attempt: Attempt, failure: Failure): void {
    const number = attempt.context.command.attempt;
    const { health, report } = this.#attempts[number]!;
    health.failed(failure, attempt);
    this.#triedKeys ??= new TriedKeys(this.#environment, this.#demand.tokens);
    const isContinuable = this.#committed === number && this.#recovery.isContinuable;
    report.failed(failure, isContinuable, this.#triedKeys.failed(attempt.context, failure));
  }

  /** A judge gets the judge request; every other target the caller's. */
  #prepare({ step: index, of, target: targetName }: AttemptCommand, { provider, model }: Target): PreparedRequest {
    const step = this.#request.policy.steps[index]!;
    const judged = of === undefined || targetName === step.target ? undefined : this.#attempts[of]!.attempt.response!;
    if (judged) return prepareJudgeRequest(this.#request, judged, provider, model);
    const continues = this.#committed !== undefined && this.#recovery.type === 'continue';
    if (!continues) return prepare(this.#request, step, provider, model);
    return prepare({ ...this.#request, chat: this.#recovery.continuationRequest(this.#request.chat) }, step, provider, model, true);
  }

  events({ context }: Attempt, events: readonly StreamEvent[], raw: SseEvent | undefined): void {
    if (!this.#request.chat.stream) return;
    const { attempt } = context.command;
    const delta: Delta = { events, raw };
    const running = this.#attempts[attempt]!;
    if (this.#committed === attempt) this.#deliver(running, delta);
    else {
      running.buffered.push(delta);
      if (this.#recovery.canRelease(running.buffered)) running.report.released();
    }
  }

  /** May come from a timer, where a mistake of ours would end the process; it shall end this request. */
  commit(attempt: number): void {
    try {
      this.#commit(attempt);
    } catch (problem) {
      this.#mistake = internalFailure('telling the caller', problem);
      this.cancel();
    }
  }

  #commit(attempt: number): void {
    const broken = this.#committed === undefined ? undefined : this.#attempts[this.#committed];
    this.#committed = attempt;
    if (!this.#request.chat.stream) return;
    const running = this.#attempts[attempt]!;
    // The caller was reading another attempt, which broke.
    if (broken && this.#recovery.switchAttempt(broken.attempt, running.attempt)) this.#response.restart();
    const { delivery } = this.#response;
    if (!delivery.headSent) delivery.sendHead(this.#head(200, running));
    for (const delta of running.buffered.splice(0)) this.#deliver(running, delta);
  }

  #deliver(running: RunningAttempt, delta: Delta): void {
    if (!this.#response.deliver(running, delta, this.clock.now())) running.attempt.pause();
  }

  finish(decided: RouteOutcome, log: DriverLog): void {
    const uncounted = this.#attempts.filter(isUncounted);
    if (uncounted.length === 0) return this.#settle(decided, log);
    Promise.all(uncounted.map(({ attempt }) => attempt.estimateUsage(this.#environment.counter))).then(
      () => this.#settle(decided, log),
      problem => this.#abandon(problem),
    );
  }

  #settle(decided: RouteOutcome, log: DriverLog): void {
    try {
      const mistake = this.#mistake ?? this.#response.delivery.integrityFailure();
      this.#record(this.#response.ending(mistake ? { type: 'failed', failure: mistake } : decided, this.#attempts), log);
    } catch (problem) {
      this.#abandon(problem);
    }
  }

  #record({ outcome, text, bytes }: FinalResponse, log: DriverLog): void {
    const failure = outcome.type === 'failed' ? outcome.failure : undefined;
    const winner = outcome.type === 'answered' ? this.#attempts[outcome.attempt] : undefined;
    const isGone = failure?.kind === 'cancelled';
    const endedAt = this.clock.now();
    const { delivery } = this.#response;
    const status = failure ? callerErrorOf(failure).status : 200;
    const isEvent = delivery.headSent || winner !== undefined;
    const { response, delivered } = bytes && !isGone ? delivery.finishWhole(bytes) : delivery.finish(isGone ? '' : text, isEvent);
    const exchange = exchangeOf(this.#request, outcome, log, this.#records(outcome), {
      status: delivery.headSent ? 200 : isGone ? 0 : status,
      response,
      delivered,
      committed: this.#committed,
      firstTokenAt: winner && !this.#request.chat.stream ? endedAt : this.#response.firstTokenAt,
      endedAt,
    });
    for (const { target, credential, kind, cost } of exchange.attempts) {
      if (cost) this.#environment.observe({ type: 'charged', target, credential, at: endedAt, kind, costNanoUsd: cost.total });
    }
    const head = this.#head(status, winner, exchange.costNanoUsd, failure);
    // Where the format has no word for a broken answer, its connection breaks.
    const isTorn = isGone || (failure !== undefined && delivery.headSent && text === '');
    this.#environment.sink.record(exchange, this.#request.raw).then(
      sealed => this.#release(exchange, head, isTorn ? undefined : sealed),
      problem => this.#unrecorded(exchange, internalFailure('recording', problem)),
    );
  }

  /** The last bytes, which only a sealed record releases; without one the answer ends torn. */
  #release(exchange: Exchange, head: ResponseHead, sealed: Sealed | undefined): void {
    try {
      if (sealed) this.#response.delivery.end(head, sealed);
      else this.#response.delivery.fail('', head);
    } catch (problem) {
      return this.#abandon(problem);
    }
    this.#end.ended(exchange);
  }

  /** Without a record the answer is not given; what was streamed of it already must not look whole. */
  #unrecorded(exchange: Exchange, failure: Failure): void {
    const { delivery } = this.#response;
    try {
      const status = delivery.headSent ? exchange.status : 503;
      delivery.fail(this.#response.errorText(recordingUnavailable), this.#head(503, undefined));
      this.#end.ended({ ...exchange, status, outcome: 'internal', decision: { type: 'failed', failure } });
    } catch (problem) {
      this.#abandon(problem);
    }
  }

  /** Not even a record could be made. */
  #abandon(problem: unknown): void {
    try {
      this.#response.delivery.fail('', this.#head(500, undefined));
    } catch {
      // The sink itself may be broken; the promise already has the first problem.
    }
    this.#end.crashed(problem);
  }

  #records(outcome: RouteOutcome): AttemptRecord[] {
    // An attempt that could not even be started has left no trace but its failure in the events.
    return this.#attempts.flatMap(({ attempt }, i) => attempt.record(outcome.type === 'answered' && outcome.attempt === i));
  }

  #head(status: number, running: RunningAttempt | undefined, costNanoUsd?: number, failure?: Failure): ResponseHead {
    return this.#response.head(status, this.#attempts.length, running, costNanoUsd, failure);
  }
}
