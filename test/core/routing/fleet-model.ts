/**
 * Many requests over shared targets, stepped by hand: driver, rate limits, queue and retry budget of the gateway, scripted targets, and a
 * rule for each event.
 */
import { expect } from 'vitest';
import {
  advance,
  begin,
  type RouteCommand,
  type RouteOutcome,
  type RoutePolicy,
  type RouteState,
  routingInputFor,
} from '../../../gateway/core/routing/router.ts';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import type { Instant } from '../../../gateway/core/shared/time.ts';
import type { Signals } from '../../../gateway/core/signals/names.ts';
import { circuitBreakerDefault } from '../../../gateway/core/targets/health.ts';
import type { Observation } from '../../../gateway/core/targets/observation.ts';
import { type RetryBudgetPolicy, retryBudgetDefault } from '../../../gateway/core/targets/retry-budget.ts';
import {
  type AttemptCommand,
  type AttemptReport,
  type DriverLog,
  type RouteDriver,
  startDriver,
} from '../../../gateway/exchange/driver.ts';
import { openai } from '../../../gateway/providers/openai.ts';
import { Secret } from '../../../gateway/settings/secret.ts';
import type { Account, RoutingSettings } from '../../../gateway/settings/settings.ts';
import { TargetRegistry } from '../../../gateway/targets/registry.ts';
import { VirtualClock } from '../../virtual-clock.ts';

interface Call {
  readonly request: ModelRequest;
  readonly command: AttemptCommand;
  readonly report: AttemptReport;
  readonly startedAt: Instant;
  readonly credential: string;
  opened: boolean;
}

interface ModelRequest {
  readonly id: string;
  readonly tenant: string;
  readonly policy: RoutePolicy;
  readonly arrivedAt: Instant;
  readonly commands: RouteCommand[];
  readonly first: Parameters<typeof begin>[2];
  drive?: RouteDriver;
  committedAttempt?: number;
  /** The attempts that ended, as an observer of the commands sees them. */
  readonly ended: Map<number, 'answered' | 'failed' | 'aborted'>;
  outcome?: RouteOutcome;
}

interface QueuedRequest {
  readonly target: string;
  readonly tenant: string;
  /** Earlier requests of its own tenant. */
  readonly ownAhead: number;
  readonly overtaken: Map<string, number>;
}

export const keysOfA = ['key-one-of-a', 'key-two-of-a'].map(key => new Secret(key));

const account = (name: string, keys: readonly Secret[], requestsPerMinute?: number): [string, Account] => {
  const limits = requestsPerMinute === undefined ? {} : { limits: { account: { requestsPerMinute }, models: new Map() } };
  return [name, { name, provider: openai, baseUrl: '', keys, allowPrivate: false, trace: false, ...limits }];
};

export const accountsOf = (rpm: { readonly a?: number; readonly c?: number }): ReadonlyMap<string, Account> =>
  new Map([account('a', keysOfA, rpm.a), account('b', []), account('c', [], rpm.c)]);

export const retryBudgetPolicy: RetryBudgetPolicy = { ...retryBudgetDefault, hedgeNanoUsdPerHour: 60 };
const routing: RoutingSettings = { queue: { countMax: 8, bytesMax: 4_000 }, retryBudget: retryBudgetPolicy };

export class FleetModel {
  readonly clock = new VirtualClock();
  readonly fleet = new TargetRegistry();
  readonly requests: ModelRequest[] = [];
  readonly observations: Observation[] = [];
  readonly #calls: Call[] = [];
  readonly #waiting: QueuedRequest[] = [];
  readonly #inFlight = new Map<string, number>();
  #charged = 0;

  constructor() {
    this.configure({ a: 300, c: 60 });
  }

  configure(rpm: { readonly a?: number; readonly c?: number }): void {
    this.fleet.configure(accountsOf(rpm), routing, this.clock);
  }

  get callsCount(): number {
    return this.#calls.length;
  }

  get pending(): readonly ModelRequest[] {
    return this.requests.filter(({ outcome }) => outcome === undefined);
  }

  addRequest(policy: RoutePolicy, tenant: string): void {
    const at = this.clock.now();
    const id = `request ${this.requests.length}`;
    const demand = { tenant, tokens: 100, bytes: 500 };
    const targets = [...new Set(policy.steps.map(step => step.target))];
    const first = routingInputFor(policy, at, { closed: this.fleet.cooldowns(at), ...this.fleet.view(targets, demand, at) });
    const request: ModelRequest = { id, tenant, policy, arrivedAt: at, commands: [], first, ended: new Map() };
    this.requests.push(request);
    request.drive = startDriver(policy, id, {
      clock: this.clock,
      coolingDown: now => this.fleet.cooldowns(now),
      viewTargets: now => this.fleet.view(targets, demand, now),
      queue: (target, admitted) => this.#enqueue(request, target, demand, admitted),
      attempt: (command, report) => this.#startAttempt(request, command, report),
      commit: attempt => this.#committed(request, attempt),
      finish: (outcome, log) => this.#finished(request, outcome, log),
    });
  }

  advance(ms: number): void {
    let isThere = false;
    this.clock.at(this.clock.now() + ms, () => {
      isThere = true;
    });
    this.clock.run(() => isThere);
  }

  openAttempt(n: number): void {
    const call = this.#call(n);
    if (!call || call.opened) return;
    call.opened = true;
    call.report.opened();
  }

  releaseAttempt(n: number): void {
    const call = this.#call(n);
    if (call?.opened) call.report.released();
  }

  answerAttempt(n: number, signals: Signals): void {
    const call = this.#call(n);
    if (!call) return;
    this.#end(call, 'answered');
    const totalMs = this.clock.now() - call.startedAt;
    this.#observe(call, { type: 'answered', firstTokenMs: totalMs / 2, totalMs, tokensUsed: 80 });
    call.report.answered(signals);
  }

  failAttempt(n: number, failure: Failure, continuable: boolean): void {
    const call = this.#call(n);
    if (!call) return;
    this.#end(call, 'failed');
    this.#observe(call, { type: 'failed', failure, afterMs: this.clock.now() - call.startedAt });
    call.report.failed(failure, continuable);
  }

  cancelRequest(n: number): void {
    const alive = this.pending;
    alive[n % Math.max(1, alive.length)]?.drive?.cancel();
  }

  /** Advances time until no event is left. */
  finish(): void {
    this.clock.run();
    expect(this.pending, 'every request has finished').toEqual([]);
    expect(this.#calls, 'no call is in flight').toEqual([]);
    const count = (...types: readonly Observation['type'][]): number => this.observations.filter(({ type }) => types.includes(type)).length;
    expect(count('answered', 'failed', 'aborted'), 'every call has ended').toBe(count('sent'));
    expect(this.#charged, 'every call was charged').toBe(count('sent'));
    for (const [target, { inFlight }] of this.fleet.health) expect(inFlight, `in flight at ${target}`).toBe(0);
    expect(this.fleet.queue).toMatchObject({ entries: [], bytes: 0 });
    expect(this.clock.waiting, 'no timer is left').toBe(0);
  }

  #call(n: number): Call | undefined {
    return this.#calls[n % Math.max(1, this.#calls.length)];
  }

  #enqueue(request: ModelRequest, target: string, demand: Parameters<TargetRegistry['enqueue']>[1], admitted: () => void) {
    request.commands.push({ type: 'queue', step: -1, target });
    const { tenant } = request;
    const own = this.#waiting.filter(one => one.target === target && one.tenant === tenant).length;
    const waiting: QueuedRequest = { target, tenant, ownAhead: own, overtaken: new Map() };
    this.#waiting.push(waiting);
    const cancelled = (): void => {
      const leaveQueue = this.#waiting.indexOf(waiting);
      if (leaveQueue >= 0) this.#waiting.splice(leaveQueue, 1);
    };
    const { queue } = this.fleet;
    const leave = this.fleet.enqueue(target, demand, () => {
      cancelled();
      for (const other of this.#waiting) {
        if (other.target !== target || other.tenant === tenant) continue;
        const times = (other.overtaken.get(tenant) ?? 0) + 1;
        other.overtaken.set(tenant, times);
        expect(times, `${other.tenant} waits while ${tenant} is admitted`).toBeLessThanOrEqual(other.ownAhead + 2);
      }
      admitted();
    });
    expect(queue.entries.length, 'a full queue admits nobody').toBeLessThan(routing.queue.countMax);
    expect(this.fleet.queue.bytes).toBeLessThanOrEqual(routing.queue.bytesMax);
    return () => {
      cancelled();
      leave();
    };
  }

  #startAttempt(request: ModelRequest, command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const { policy } = request;
    const at = this.clock.now();
    expect(request.outcome, 'no attempt starts after the end').toBeUndefined();
    expect(at).toBeLessThanOrEqual(request.arrivedAt + policy.deadlineMs);
    if (request.committedAttempt !== undefined) {
      expect(['restart', 'continue'], 'no attempt starts after commit').toContain(policy.onBreak?.type);
      expect(request.ended.get(request.committedAttempt), 'but in the place of what broke').toBe('failed');
    }
    this.#checkBreaker(request, command, at);
    const credential = command.target.startsWith('a/') ? keysOfA[command.attempt % 2]!.fingerprint : '';
    const call: Call = { request, command, report, startedAt: at, credential, opened: false };
    request.commands.push(command);
    this.#calls.push(call);
    this.#observe(call, { type: 'sent', kind: command.kind });
    return failure => {
      expect(this.#calls, 'only running attempts are aborted').toContain(call);
      request.commands.push({ type: 'abort', attempt: command.attempt });
      this.#end(call, failure ? 'failed' : 'aborted');
      const afterMs = this.clock.now() - call.startedAt;
      this.#observe(call, failure ? { type: 'failed', failure, afterMs } : { type: 'aborted', afterMs, opened: call.opened });
    };
  }

  /** Through an open circuit goes a due probe, or a call without an alternative target. */
  #checkBreaker(
    { policy, commands, arrivedAt, tenant, committedAttempt }: ModelRequest,
    { target, step, kind, of }: AttemptCommand,
    at: Instant,
  ): void {
    const health = this.fleet.health.get(target);
    const isOpen = health !== undefined && health.failures >= circuitBreakerDefault.failuresMax && health.circuitOpenUntil > at;
    if (!isOpen) return;
    expect(of, 'a side call is never a last resort').toBeUndefined();
    expect(['retry', 'hedge']).not.toContain(kind);
    const tried = new Set(commands.flatMap(command => (command.type === 'attempt' && command.of === undefined ? [command.step] : [])));
    const closed = this.fleet.cooldowns(at);
    // After commit, only targets with prefill continue a response.
    const unable = committedAttempt === undefined || policy.onBreak?.type !== 'continue' ? [] : policy.steps.filter(one => !one.prefills);
    const others = policy.steps
      .filter((_, i) => i !== step && !tried.has(i))
      .map(one => one.target)
      .filter(one => !unable.some(other => other.target === one));
    const { waits = {} } = this.fleet.view(others, { tenant, tokens: 100, bytes: 500 }, at);
    const latest = Math.min(arrivedAt + policy.deadlineMs - 1e-6, at + 30_000);
    const takes = (one: string): boolean =>
      Math.max(closed[one] ?? 0, closed[one.split('/')[0]!] ?? 0) <= at && (waits[one] ?? 0) <= latest;
    expect(others.filter(takes), `${target} is asked though its breaker is open`).toEqual([]);
  }

  #committed(request: ModelRequest, attempt: number): void {
    if (request.committedAttempt !== undefined) expect(request.ended.get(request.committedAttempt), 'one winner').toBe('failed');
    request.committedAttempt = attempt;
    request.commands.push({ type: 'commit', attempt });
  }

  #finished(request: ModelRequest, outcome: RouteOutcome, { state, events }: DriverLog): void {
    expect(request.outcome, 'a request ends once').toBeUndefined();
    request.outcome = outcome;
    expect(this.clock.now(), 'by its deadline').toBeLessThanOrEqual(request.arrivedAt + request.policy.deadlineMs);
    if (outcome.type === 'answered') {
      expect(outcome.attempt).toBe(request.committedAttempt);
      expect(request.ended.get(outcome.attempt), 'what answers has been heard to the end').toBe('answered');
    }
    const accepted = state.attempts.filter(a => a.status === 'accepted' && a.of === undefined);
    expect(accepted.length, 'one accepted attempt').toBe(outcome.type === 'answered' ? 1 : 0);
    for (const [step, { retries }] of request.policy.steps.entries()) {
      expect(state.attempts.filter(a => a.step === step && a.kind === 'retry').length).toBeLessThanOrEqual(retries);
    }
    expect(replayEvents(request, events), 'its log is its state').toEqual({ state, commands: [...visibleCommands(request), outcome] });
  }

  #end(call: Call, how: 'answered' | 'failed' | 'aborted'): void {
    this.#calls.splice(this.#calls.indexOf(call), 1);
    call.request.ended.set(call.command.attempt, how);
  }

  #observe({ command: { target, kind }, credential }: Call, outcome: object): void {
    const seen = { target, credential, tokens: 100, at: this.clock.now(), ...outcome } as Observation;
    this.#recordObservation(seen);
    const change = seen.type === 'sent' ? 1 : -1;
    this.#inFlight.set(target, (this.#inFlight.get(target) ?? 0) + change);
    expect(this.fleet.health.get(target)!.inFlight).toBe(this.#inFlight.get(target));
    if (seen.type === 'sent') return this.#checkRetryBudget();
    this.#charged++;
    this.#recordObservation({ type: 'charged', target, credential, at: seen.at, kind, costNanoUsd: 7 });
  }

  #recordObservation(seen: Observation): void {
    this.observations.push(seen);
    this.fleet.observe(seen);
  }

  #checkRetryBudget(): void {
    const attempts = this.observations.flatMap(one => (one.type === 'sent' ? [one] : []));
    const count = (...kinds: readonly unknown[]): number => attempts.filter(({ kind }) => kinds.includes(kind)).length;
    const seconds = (this.clock.now() - attempts[0]!.at) / 1000;
    const { retryShare, retriesPerSecond, hedgeShare } = retryBudgetPolicy;
    expect(count('retry', 'fallback')).toBeLessThanOrEqual(retryShare * count('primary') + retriesPerSecond * (seconds + 1) + 1e-6);
    expect(count('hedge'), 'within the share').toBeLessThanOrEqual(1 + hedgeShare * count('primary') + 1e-6);
    const spentOnHedges = 7 * this.observations.filter(one => one.type === 'charged' && one.kind === 'hedge').length;
    expect(spentOnHedges, 'hedges stay within their budget').toBeLessThan(60 + (60 * seconds) / 3_600 + 7 * 11);
  }
}

/** The commands without their timers. */
const visibleCommands = ({ commands }: ModelRequest): readonly object[] => commands.map(visible);

function visible(command: RouteCommand): object {
  switch (command.type) {
    case 'attempt':
      return command;
    case 'queue':
      return { type: 'queue', target: command.target };
    case 'abort':
      return { type: 'abort', attempt: command.attempt };
    default:
      return command;
  }
}

function replayEvents(
  { policy, id, first }: ModelRequest,
  events: DriverLog['events'],
): { readonly state: RouteState; readonly commands: readonly object[] } {
  const start = begin(policy, id, first);
  let { state } = start;
  const commands = [...start.commands];
  for (const event of events) {
    const next = advance(state, event);
    state = next.state;
    commands.push(...next.commands);
  }
  const isSeen = ({ type }: RouteCommand): boolean => type !== 'timer' && type !== 'unqueue';
  return { state, commands: commands.filter(isSeen).map(command => (command.type === 'finish' ? command.outcome : visible(command))) };
}
