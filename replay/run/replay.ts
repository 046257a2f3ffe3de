/** Runs a replay: re-sends each request to each arm when it is due, within the limits of concurrency and cost. */

import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import type { Exchange, ExchangeOutcome } from '../../gateway/core/exchange.ts';
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Clock, Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { ExecutionHandle, RoutedRequest } from '../../gateway/exchange/contract.ts';
import { execute } from '../../gateway/exchange/execute.ts';
import { demandOf } from '../../gateway/exchange/routed-request.ts';
import type { ReplaySpanDetails } from '../../gateway/observability/replay-telemetry.ts';
import type { Arm } from '../arms/arm.ts';
import type { ReplayRequest } from '../arms/replay-request.ts';
import type { Transforms } from '../arms/transform.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { nextRequest, type ToolMatching, ToolResultReplayer, type Turn } from '../recorded/turns.ts';
import { estimateCost } from './cost-plan.ts';
import { jobKey, jobsOf, replayRequestOf, type ScheduledJob } from './jobs.ts';
import type { Journal } from './journal.ts';
import { type Pacing, quantile } from './pacing.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RecordedAnswerLookup } from './recorded-answers.ts';
import type { ReplayResult } from './result.ts';
import type { SpendCap } from './spend-cap.ts';
import { awaitExchange, discardingResponseSink, waitFor } from './wait.ts';

export interface ReplayPlan {
  readonly run: string;
  /** In order of arrival. */
  readonly requests: readonly RecordedRequest[];
  readonly arms: readonly Arm[];
  readonly repeats: number;
  readonly pace: Pacing;
  /** Maximum number of calls in flight. */
  readonly concurrency: number;
  readonly spendCap: SpendCap;
  readonly clock: Clock;
  dialectOf(name: string): CallerFormat | undefined;
  /** Records progress, and knows what is done. */
  readonly journal?: Pick<Journal, 'begin' | 'settle' | 'outcomeOf'>;
  /** Send failed calls again. */
  readonly retryErrors?: boolean;
  readonly transforms?: Transforms;
  /** Rate limits by provider. */
  readonly limits?: RateLimits;
  /** The maximum share of failed calls, checked after 20 calls. Beyond it the run stops, and can be resumed. */
  readonly errorRateMax?: number;
  /** Turns by the id of their first request: they are replayed completely, with the recorded tool results. */
  readonly turns?: { readonly of: ReadonlyMap<string, Turn>; readonly matching: ToolMatching } | undefined;
  /** Answers from the record; with `only` no provider is called. */
  readonly record?: { readonly lookup: RecordedAnswerLookup; readonly only: boolean };
  /** Stops the run: calls in flight are cancelled and recorded as such. */
  readonly stop: AbortSignal;
  /** Ends the run when the result is decided; calls in flight finish. */
  readonly enough?: AbortSignal;
  /** Called for each finished exchange, with what its spans need. */
  onExchange(exchange: Exchange, context: ReplaySpanDetails): void;
}

/** Resolves when all calls are done or the run has stopped. */
export async function replay(plan: ReplayPlan): Promise<ReplayResult> {
  const run = new ReplayRun(plan);
  await Promise.all(Array.from({ length: Math.min(plan.concurrency, run.jobs.length) }, () => run.work()));
  return run.result();
}

class ReplayRun {
  readonly jobs: readonly ScheduledJob[];
  readonly #plan: ReplayPlan;
  readonly #startedAt: Instant;
  readonly #before: number;
  readonly #skipped: ReplayResult['skipped'][number][] = [];
  readonly #failed: Partial<Record<ExchangeOutcome, number>> = {};
  readonly #applied: { [name: string]: number } = {};
  readonly #lags: Milliseconds[] = [];
  readonly #dueLatencies: Milliseconds[] = [];
  readonly #turnCounts = { further: 0, unknown: 0, unused: 0 };
  readonly #counts = { asked: 0, answered: 0, fromRecord: 0, saved: 0, unpriced: 0, limitedMs: 0 };
  #next = 0;
  #stoppedBy: ReplayResult['stoppedBy'];
  #nextWorst: NanoUsd | undefined;
  #settled = Promise.withResolvers<void>();

  constructor(plan: ReplayPlan) {
    this.#plan = plan;
    const all = jobsOf(plan);
    const isDone = (job: ScheduledJob): boolean => {
      const outcome = plan.journal?.outcomeOf(jobKey(job));
      return outcome !== undefined && outcome !== 'cancelled' && (outcome === 'ok' || !plan.retryErrors);
    };
    this.jobs = all.filter(job => !isDone(job));
    this.#before = all.length - this.jobs.length;
    // A resumed run keeps the pacing of the remaining jobs.
    this.#startedAt = plan.clock.now() - (Number.isFinite(plan.pace.speed) ? (this.jobs[0]?.dueMs ?? 0) : 0);
  }

  async work(): Promise<void> {
    for (;;) {
      const job = this.#stoppedBy === undefined ? this.jobs[this.#next] : undefined;
      if (!job) return;
      this.#next++;
      const dueAt = this.#startedAt + job.dueMs;
      const lag = await waitFor(this.#plan, dueAt);
      if (this.#isStopped()) return this.#putBack();
      const prepared = replayRequestOf(this.#plan, job, job.recorded, this.#plan.clock.now());
      if (typeof prepared === 'string') this.#skip(job, prepared);
      else if (!(await this.#execute(job, prepared, dueAt, lag))) return;
    }
  }

  result(): ReplayResult {
    const dueLatencies = this.#dueLatencies.sort((a, b) => a - b);
    const lags = this.#lags.sort((a, b) => a - b);
    return {
      ...this.#counts,
      turned: this.#turnCounts,
      failed: this.#failed,
      skipped: this.#skipped,
      before: this.#before,
      applied: this.#applied,
      left: this.jobs.length - this.#next,
      ...(this.#stoppedBy ? { stoppedBy: this.#stoppedBy } : {}),
      ...(this.#stoppedBy === 'cap' && this.#nextWorst !== undefined ? { nextWorst: this.#nextWorst } : {}),
      spent: this.#plan.spendCap.spent,
      lagMsMax: lags.at(-1) ?? 0,
      lagMsP50: quantile(lags, 0.5),
      lagMsP99: quantile(lags, 0.99),
      dueLatencyMsP50: quantile(dueLatencies, 0.5),
      dueLatencyMsP99: quantile(dueLatencies, 0.99),
    };
  }

  /** False when this worker must end. */
  async #execute(job: ScheduledJob, { request, applied }: ReplayRequest, dueAt: Instant, lag: Milliseconds): Promise<boolean> {
    const plan = this.#plan;
    const known = await plan.record?.lookup.answersOf(job.recorded, request, job.arm.runtime);
    if (plan.record?.only && !known?.isComplete) {
      this.#skip(job, 'the record has no response for it');
      return true;
    }
    const estimated = estimateCost(request, job.recorded, job.arm.runtime, plan.clock.now());
    const worst = known?.isComplete ? 0 : estimated.worst;
    if (!known?.isComplete) await this.#waitForRateLimit(request, job);
    if (!(await this.#reserve(worst))) {
      this.#putBack();
      return false;
    }
    const paced = Number.isFinite(plan.pace.speed);
    // Without pacing all calls are due at once, so their lag means nothing.
    if (paced) this.#lags.push(lag);
    this.#counts.asked++;
    for (const { name } of applied) this.#applied[name] = (this.#applied[name] ?? 0) + 1;
    const key = jobKey(job);
    plan.journal?.begin(key, worst);
    const started = known ? { ...request, receivedAt: known.clock.now() } : request;
    const execution = execute(started, known?.environment ?? job.arm.runtime, discardingResponseSink());
    const first = await (known ? known.run(awaitExchange(execution, plan.stop)) : awaitExchange(execution, plan.stop));
    const firstCost = known?.isComplete ? 0 : (first.costNanoUsd ?? 0);
    plan.spendCap.settle(worst, firstCost);
    this.#report(first, request, job, execution);
    const { exchange, cost } = await this.#continueTurn(job, first, firstCost, execution.response());
    // A call without a record counts as spent, and is sent again when the run resumes.
    plan.journal?.settle(key, exchange.outcome, cost);
    this.#count(exchange, known?.isComplete === true);
    if (this.#failsTooOften()) this.#stoppedBy ??= 'errors';
    if (paced) this.#dueLatencies.push(Math.max(0, plan.clock.now() - dueAt));
    this.#settled.resolve();
    this.#settled = Promise.withResolvers();
    return true;
  }

  #report(
    exchange: Exchange,
    { chat }: RoutedRequest,
    { recorded: { trace: original }, arm }: ScheduledJob,
    execution: ExecutionHandle,
  ): void {
    this.#plan.onExchange(exchange, { chat, answer: () => execution.response(), placeOf: arm.runtime.endpointOf, original });
  }

  /** Sends the later requests of a turn while the model calls tools with a recorded result. Each call reserves its cost. */
  async #continueTurn(
    job: ScheduledJob,
    first: Exchange,
    firstCost: NanoUsd,
    firstResponse: ChatResponse | undefined,
  ): Promise<{ readonly exchange: Exchange; readonly cost: NanoUsd }> {
    const plan = this.#plan;
    const turn = plan.turns?.of.get(job.recorded.id);
    let [exchange, cost, response, recorded] = [first, firstCost, firstResponse, job.recorded];
    if (!turn || !plan.turns) return { exchange, cost };
    const toolResults = new ToolResultReplayer(turn.toolResults, plan.turns.matching);
    for (let further = 1; response && exchange.outcome === 'ok' && further < callsMax; further++) {
      const next = nextRequest(recorded, response, toolResults);
      if (next === 'unknown') this.#turnCounts.unknown++;
      if (next === 'unknown' || next === undefined) break;
      const prepared = replayRequestOf(plan, job, next, plan.clock.now());
      if (typeof prepared === 'string') break;
      const { worst } = estimateCost(prepared.request, next, job.arm.runtime, plan.clock.now());
      // An incomplete turn does not count: a resumed run sends it again.
      if (!(await this.#reserve(worst))) {
        this.#stoppedBy ??= this.#stopReason();
        return { exchange: { ...exchange, outcome: 'cancelled' }, cost };
      }
      plan.journal?.begin(jobKey(job), cost + worst);
      const execution = execute(prepared.request, job.arm.runtime, discardingResponseSink());
      exchange = await awaitExchange(execution, plan.stop);
      plan.spendCap.settle(worst, exchange.costNanoUsd ?? 0);
      cost += exchange.costNanoUsd ?? 0;
      this.#turnCounts.further++;
      this.#report(exchange, prepared.request, job, execution);
      [response, recorded] = [execution.response(), next];
    }
    this.#turnCounts.unused += toolResults.unused;
    return { exchange, cost };
  }

  #count(exchange: Exchange, fromRecord: boolean): void {
    const counts = this.#counts;
    if (exchange.outcome === 'ok') counts.answered++;
    else this.#failed[exchange.outcome] = (this.#failed[exchange.outcome] ?? 0) + 1;
    if (exchange.attempts.some(attempt => attempt.usage && !attempt.cost)) counts.unpriced++;
    if (!fromRecord) return;
    counts.fromRecord++;
    counts.saved += exchange.costNanoUsd ?? 0;
  }

  async #waitForRateLimit(request: RoutedRequest, { arm }: ScheduledJob): Promise<void> {
    const { limits, clock } = this.#plan;
    const target = request.policy.steps[0]?.target ?? '';
    if (!limits || target === '') return;
    const { providerName } = arm.runtime.targetOf(target, request.id);
    const now = clock.now();
    const at = limits.reserve(providerName, demandOf(request).tokens, now);
    this.#counts.limitedMs += at - now;
    if (at > now) await waitFor(this.#plan, at);
  }

  /** Calls in flight may cost less than reserved, so a call over the cap waits until none is left. */
  async #reserve(worst: NanoUsd): Promise<boolean> {
    for (;;) {
      if (this.#isStopped()) return false;
      if (this.#plan.spendCap.reserve(worst)) return true;
      this.#nextWorst = worst;
      if (this.#plan.spendCap.reserved === 0) return false;
      await this.#settled.promise;
    }
  }

  #failsTooOften(): boolean {
    const { asked, answered } = this.#counts;
    const failed = Object.values(this.#failed).reduce((sum, count) => sum + count, 0);
    const ended = answered + failed;
    return asked > 0 && ended >= errorRateFrom && failed > (this.#plan.errorRateMax ?? 1) * ended;
  }

  #isStopped(): boolean {
    return this.#plan.stop.aborted || this.#plan.enough?.aborted === true || this.#stoppedBy !== undefined;
  }

  #stopReason(): 'interrupt' | 'decided' | 'cap' {
    if (this.#plan.stop.aborted) return 'interrupt';
    return this.#plan.enough?.aborted ? 'decided' : 'cap';
  }

  #skip({ recorded, arm }: ScheduledJob, reason: string): void {
    this.#skipped.push({ request: recorded.id, arm: arm.name, reason });
  }

  /** Counts the current job as remaining. */
  #putBack(): void {
    this.#next--;
    if (this.#stoppedBy === undefined || this.#stoppedBy === 'cap') this.#stoppedBy = this.#stopReason();
  }
}

/** The maximum number of calls in a turn. */
const callsMax = 16;

/** With fewer calls the error rate is not checked. */
const errorRateFrom = 20;
