/** Many requests at once in virtual time, over one fleet: the gateway's own driver, limits, queue and retry budget, with scripted targets. */

import type { RequestRequirements } from '../../gateway/core/money/catalogue.ts';
import { planRoute, type RoutePlan } from '../../gateway/core/routing/plan.ts';
import type { RouteOutcome, RoutePolicy, RouteState } from '../../gateway/core/routing/router.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import { latencyQuantile, loadOf, predictedMs } from '../../gateway/core/targets/health.ts';
import type { Observation } from '../../gateway/core/targets/observation.ts';
import { type AttemptCommand, type AttemptReport, startDriver } from '../../gateway/exchange/driver.ts';
import type { Account, RoutingSettings } from '../../gateway/settings/settings.ts';
import { TargetRegistry } from '../../gateway/targets/registry.ts';

export interface ArrivingRequest {
  readonly id: string;
  readonly at: Instant;
  readonly tenant: string;
  readonly tokens: number;
  /** Made when the request arrives, over what the fleet knows by then. */
  policy(fleet: TargetRegistry): RoutePolicy;
}

export interface SimulatedCall {
  readonly openAfterMs: Milliseconds;
  readonly endAfterMs: Milliseconds;
  readonly result: { readonly signals: Signals } | { readonly failure: Failure };
  /** Of a call that was not refused; one that is aborted costs as much. */
  readonly cost: number;
}

export interface RequestResult {
  readonly arrival: ArrivingRequest;
  readonly outcome: RouteOutcome;
  readonly state: RouteState;
  readonly endedAt: Instant;
  /** When the caller saw content; undefined when it saw none. */
  readonly firstTokenAt: Instant | undefined;
  readonly cost: number;
}

export interface LoadSimulation {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly routing: RoutingSettings;
  call(command: AttemptCommand, arrival: ArrivingRequest, at: Instant): SimulatedCall;
  /** Hears each observation before the fleet does. */
  onObservation?(observation: Observation, fleet: TargetRegistry): void;
}

/** Everybody's end, in the order of their arrival, and what the fleet knows afterwards. */
export function simulateLoad(
  arrivals: readonly ArrivingRequest[],
  simulation: LoadSimulation,
): { readonly results: readonly RequestResult[]; readonly fleet: TargetRegistry } {
  const clock = new EventClock();
  const fleet = new TargetRegistry();
  fleet.configure(simulation.accounts, simulation.routing, clock);
  const results: RequestResult[] = [];
  for (const [i, arrival] of arrivals.entries()) {
    clock.at(arrival.at, () =>
      new RequestDriver(arrival, simulation, clock, fleet).start(end => {
        results[i] = end;
      }),
    );
  }
  clock.run();
  return { results, fleet };
}

class RequestDriver {
  readonly #arrival: ArrivingRequest;
  readonly #simulation: LoadSimulation;
  readonly #clock: Clock;
  readonly #fleet: TargetRegistry;
  #cost = 0;
  #firstTokenAt: Instant | undefined;

  constructor(arrival: ArrivingRequest, simulation: LoadSimulation, clock: Clock, fleet: TargetRegistry) {
    this.#arrival = arrival;
    this.#simulation = simulation;
    this.#clock = clock;
    this.#fleet = fleet;
  }

  start(onEnd: (result: RequestResult) => void): void {
    const { tenant, tokens, id } = this.#arrival;
    const policy = this.#arrival.policy(this.#fleet);
    const demand = { tenant, tokens, bytes: 4 * tokens };
    const targets = policy.steps.map(step => step.target);
    startDriver(policy, id, {
      clock: this.#clock,
      coolingDown: at => this.#fleet.cooldowns(at),
      viewTargets: at => this.#fleet.view(targets, demand, at),
      queue: (target, admitted) => this.#fleet.enqueue(target, demand, admitted),
      attempt: (command, report) => this.#attempt(command, report),
      commit: () => {
        this.#firstTokenAt = this.#clock.now();
      },
      finish: (outcome, { state }) => {
        const arrival = this.#arrival;
        onEnd({ arrival, outcome, state, endedAt: this.#clock.now(), firstTokenAt: this.#firstTokenAt, cost: this.#cost });
      },
    });
  }

  #attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void {
    const startedAt = this.#clock.now();
    const { openAfterMs, endAfterMs, result, cost } = this.#simulation.call(command, this.#arrival, startedAt);
    const about = { target: command.target, credential: '', tokens: this.#arrival.tokens };
    const observe = (observation: object): void => {
      const fullObservation = { ...about, at: this.#clock.now(), ...observation } as Observation;
      this.#simulation.onObservation?.(fullObservation, this.#fleet);
      this.#fleet.observe(fullObservation);
    };
    observe({ type: 'sent', kind: command.kind });
    this.#cost += cost;
    let opened = false;
    const opens = openAfterMs < endAfterMs;
    const cancelOpening = opens
      ? this.#clock.at(startedAt + openAfterMs, () => {
          opened = true;
          report.opened();
        })
      : () => {};
    const cancelEnding = this.#clock.at(startedAt + endAfterMs, () => {
      if ('failure' in result) observe({ type: 'failed', failure: result.failure, afterMs: endAfterMs });
      else observe({ type: 'answered', firstTokenMs: openAfterMs, totalMs: endAfterMs });
      observe({ type: 'charged', kind: command.kind, costNanoUsd: cost });
      if ('failure' in result) report.failed(result.failure);
      else report.answered(result.signals);
    });
    return failure => {
      cancelOpening();
      cancelEnding();
      const afterMs = this.#clock.now() - startedAt;
      observe(failure ? { type: 'failed', failure, afterMs } : { type: 'aborted', afterMs, opened });
      observe({ type: 'charged', kind: command.kind, costNanoUsd: cost });
    };
  }
}

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;
const noRequirements: RequestRequirements = { inputTokens: 0, outputTokens: undefined, tools: false, vision: false, jsonSchema: false };

/** The policy that the gateway would make of a route at that instant, over what the fleet knows. */
export function policyAt(plan: RoutePlan, id: string, { health }: TargetRegistry, at: Instant): RoutePolicy {
  return planRoute(plan, { requirements: noRequirements, seed: id, stickyKey: id }, target => ({
    facts: {},
    price: undefined,
    load: loadOf(health, target, at),
    predictedMs: predictedMs(health, target, at),
    quantileMs: q => latencyQuantile(health, target, quantiles[q]),
  }));
}

interface ScheduledEvent {
  readonly at: Instant;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** Moves from one instant to the next; equal ones in the order they were set. A heap, for there are many. */
class EventClock implements Clock {
  #now: Instant = 0;
  #order = 0;
  readonly #heap: ScheduledEvent[] = [];

  now(): Instant {
    return this.#now;
  }

  at(instant: Instant, fire: () => void): Cancel {
    const due: ScheduledEvent = { at: instant, order: this.#order++, fire };
    this.#push(due);
    return () => {
      due.fire = undefined;
    };
  }

  run(): void {
    for (let due = this.#pop(); due; due = this.#pop()) {
      if (!due.fire) continue;
      this.#now = Math.max(this.#now, due.at);
      due.fire();
    }
  }

  #push(due: ScheduledEvent): void {
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    while (i > 0 && isBefore(due, heap[(i - 1) >> 1]!)) {
      heap[i] = heap[(i - 1) >> 1]!;
      i = (i - 1) >> 1;
    }
    heap[i] = due;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
