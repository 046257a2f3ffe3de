/** A routing decision after decision: each event with the state before it, the commands after it, and the Moment they were given in. */

import {
  advance,
  begin,
  type RouteCommand,
  type RouteEvent,
  type RoutePolicy,
  type RouteState,
  type RoutingInput,
  routingInputFor,
  type TargetView,
} from '../gateway/core/routing/router.ts';
import { cooldownsAt, type TargetHealthMap } from '../gateway/core/targets/health.ts';
import type { AttemptBehaviours } from '../replay/simulation/simulate-policy.ts';
import { simulatePolicy } from '../replay/simulation/simulate-policy.ts';

export interface RouteStepTrace {
  /** Undefined for the beginning. */
  readonly event: RouteEvent | undefined;
  readonly now: RoutingInput;
  readonly before: RouteState | undefined;
  readonly after: RouteState;
  readonly commands: readonly RouteCommand[];
}

export function traceSteps(
  policy: RoutePolicy,
  seed: string,
  first: RoutingInput,
  events: readonly RouteEvent[],
): readonly RouteStepTrace[] {
  const start = begin(policy, seed, first);
  const steps: RouteStepTrace[] = [{ event: undefined, now: first, before: undefined, after: start.state, commands: start.commands }];
  let before = start.state;
  for (const event of events) {
    const { state: after, commands } = advance(before, event);
    steps.push({ event, now: event, before, after, commands });
    before = after;
  }
  return steps;
}

export interface RouteTrace {
  readonly state: RouteState;
  readonly endedAt: number;
  readonly events: readonly RouteEvent[];
  readonly steps: readonly RouteStepTrace[];
}

/** Simulates, and gives every step. */
export function traceRoute(
  policy: RoutePolicy,
  seed: string,
  recordings: AttemptBehaviours,
  fleet: TargetHealthMap = new Map(),
  seen: Omit<TargetView, 'closed'> = {},
): RouteTrace {
  const simulated = simulatePolicy(policy, seed, recordings, fleet, 0, seen);
  if (!simulated.supported) throw new Error(`nothing recorded for ${simulated.target}`);
  const first: RoutingInput = routingInputFor(policy, 0, { closed: cooldownsAt(fleet, 0), ...seen });
  return { ...simulated, steps: traceSteps(policy, seed, first, simulated.events) };
}
