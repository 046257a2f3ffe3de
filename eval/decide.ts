/** What a policy would have made of every item: the real router decides, in virtual time, over the outcomes that are known. */
import type { RoutePolicy, RouteState } from '../gateway/core/route.ts';
import { withScore } from '../gateway/core/scorer.ts';
import { accepts } from '../gateway/core/signal.ts';
import type { Item, Outcome } from './outcomes.ts';
import { type Recorded, type Simulation, simulate } from './simulate.ts';

/** One row per item, in columns. NaN where an outcome does not say. */
export interface Trials {
  /** USD x 1e9, every attempt summed. */
  readonly cost: Float64Array;
  /** 0 when no target answered: the caller got nothing. */
  readonly quality: Float64Array;
  readonly latencyMs: Float64Array;
  /** Until the caller saw the first content. An answer that has to be accepted is held until it is whole. */
  readonly firstTokenMs: Float64Array;
  /** The step that answered; -1 when none did. */
  readonly step: Int8Array;
}

export type Decide = (policy: RoutePolicy) => Trials;

/**
 * Decides policies that differ in nothing but what their steps accept. Which answers are accepted is all that the router reads of a
 * threshold, so an item is simulated once for each pattern of accepted answers, and remembered. Throws when a policy asks a target that
 * an item knows nothing of: give it complete items. With `compared`, an item whose latency one of these targets lacks has none under any
 * policy, and none to the first content when the last of them lacks that: percentiles of different policies are over the same items.
 */
export function decider(items: readonly Item[], compared: readonly string[] = []): Decide {
  const remembered = new Map<string, Memory>();
  const untimed = where(items, item => compared.some(target => item.outcomes.get(target)?.latencyMs === undefined));
  const unopened = where(items, ({ outcomes }) => compared.slice(-1).some(target => isUnopened(outcomes.get(target))));
  return policy => {
    const shape = shapeOf(policy);
    const memory = remembered.get(shape) ?? remember(policy, items);
    remembered.set(shape, memory);
    const trials = empty(items.length);
    for (let i = 0; i < items.length; i++) {
      const pattern = patternOf(policy, memory.outcomes, i);
      memory.pages[pattern] ??= { done: new Uint8Array(items.length), trials: empty(items.length) };
      const page = memory.pages[pattern];
      if (page.done[i] === 0) {
        write(page.trials, i, trial(policy, items[i]!));
        page.done[i] = 1;
      }
      copy(page.trials, trials, i);
    }
    for (const i of untimed) trials.latencyMs[i] = trials.firstTokenMs[i] = Number.NaN;
    for (const i of unopened) trials.firstTokenMs[i] = Number.NaN;
    return trials;
  };
}

const where = (items: readonly Item[], holds: (item: Item) => boolean): number[] => [...items.keys()].filter(i => holds(items[i]!));
const isUnopened = (outcome: Outcome | undefined): boolean => !outcome?.failure && outcome?.firstTokenMs === undefined;

interface Memory {
  /** Of each step's target, by item. */
  readonly outcomes: readonly (readonly (Outcome | undefined)[])[];
  /** By the pattern of accepted answers. */
  readonly pages: { readonly done: Uint8Array; readonly trials: Trials }[];
}

const remember = (policy: RoutePolicy, items: readonly Item[]): Memory => ({
  outcomes: policy.steps.map(({ target }) => items.map(item => item.outcomes.get(target))),
  pages: [],
});

/** All of a policy but its thresholds. */
const shapeOf = (policy: RoutePolicy): string =>
  JSON.stringify({ ...policy, steps: policy.steps.map(({ accept, ...rest }) => ({ ...rest, held: accept !== undefined })) });

/** Which steps would take their target's answer, as bits. */
function patternOf({ steps }: RoutePolicy, outcomes: Memory['outcomes'], i: number): number {
  let pattern = 0;
  for (let step = 0; step < steps.length; step++) {
    const { accept, scorer } = steps[step]!;
    const outcome = outcomes[step]![i];
    if (accept && outcome && !outcome.failure && accepts(accept, withScore(scorer, outcome.signals))) pattern |= 1 << step;
  }
  return pattern;
}

export interface Trial {
  readonly cost: number;
  readonly quality: number;
  readonly latencyMs: number;
  readonly firstTokenMs: number;
  readonly step: number;
}

/** One item under one policy, without any memory. */
export function trial(policy: RoutePolicy, item: Item): Trial {
  const simulation = simulate(policy, item.id, (target, nth) => (nth === 0 ? recordedOf(item.outcomes.get(target)) : undefined));
  if (!simulation.supported) throw new Error(`item ${item.id} knows no outcome of ${simulation.target}`);
  const { state } = simulation;
  const asked = state.attempts.map(attempt => item.outcomes.get(policy.steps[attempt.step]!.target)!);
  const timed = asked.every(outcome => outcome.latencyMs !== undefined);
  const cost = asked.reduce((sum, outcome) => sum + costOf(outcome), 0);
  const latencyMs = timed ? simulation.endedAt : Number.NaN;
  if (state.outcome?.type !== 'answered') return { cost, quality: 0, latencyMs, firstTokenMs: Number.NaN, step: -1 };
  const { step } = state.attempts[state.outcome.attempt]!;
  const outcome = item.outcomes.get(policy.steps[step]!.target)!;
  const firstTokenMs = timed ? firstTokenAt(policy, state, state.outcome.attempt, simulation, outcome) : Number.NaN;
  return { cost, quality: outcome.quality ?? Number.NaN, latencyMs, firstTokenMs, step };
}

/** A failure that nobody priced was not billed. */
const costOf = (outcome: Outcome): number => outcome.costNanoUsd ?? (outcome.failure ? 0 : Number.NaN);

function recordedOf(outcome: Outcome | undefined): Recorded | undefined {
  if (!outcome) return undefined;
  const endAfterMs = outcome.latencyMs ?? 0;
  if (outcome.failure) return { openAfterMs: endAfterMs, endAfterMs, result: { failure: outcome.failure } };
  return { openAfterMs: Math.min(outcome.firstTokenMs ?? endAfterMs, endAfterMs), endAfterMs, result: { signals: outcome.signals } };
}

function firstTokenAt(
  policy: RoutePolicy,
  state: RouteState,
  attempt: number,
  simulation: Simulation & { supported: true },
  outcome: Outcome,
): number {
  if (policy.steps[state.attempts[attempt]!.step]!.accept) return simulation.endedAt;
  if (outcome.firstTokenMs === undefined) return Number.NaN;
  const opened = simulation.events.find(event => event.type === 'attempt-opened' && event.attempt === attempt);
  return opened?.at ?? simulation.endedAt;
}

function empty(n: number): Trials {
  const column = (): Float64Array => new Float64Array(n);
  return { cost: column(), quality: column(), latencyMs: column(), firstTokenMs: column(), step: new Int8Array(n) };
}

function write(to: Trials, i: number, { cost, quality, latencyMs, firstTokenMs, step }: Trial): void {
  to.cost[i] = cost;
  to.quality[i] = quality;
  to.latencyMs[i] = latencyMs;
  to.firstTokenMs[i] = firstTokenMs;
  to.step[i] = step;
}

function copy(from: Trials, to: Trials, i: number): void {
  to.cost[i] = from.cost[i]!;
  to.quality[i] = from.quality[i]!;
  to.latencyMs[i] = from.latencyMs[i]!;
  to.firstTokenMs[i] = from.firstTokenMs[i]!;
  to.step[i] = from.step[i]!;
}
