/** What a policy would have made of every item: the real router decides, in virtual time, over the outcomes that are known. */
import type { RoutePolicy, RouteState } from '../gateway/core/route.ts';
import { Acceptances, calmItems, columnsOf, costOf, type StepColumns } from './columns.ts';
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
 * threshold, so an item is simulated once for each pattern of accepted answers, and remembered; where neither time nor failures decide,
 * once for all such items. Throws when a policy asks a target that an item knows nothing of: give it complete items. With `compared`, an
 * item whose latency one of these targets lacks has none under any policy, and none to the first content when the last of them lacks
 * that: percentiles of different policies are over the same items.
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
    const taken = policy.steps.map((step, k) => memory.acceptances.of(k, step));
    const endsOpen = policy.steps.at(-1)?.accept !== undefined;
    for (let i = 0; i < items.length; i++) {
      let pattern = 0;
      for (let k = 0; k < taken.length; k++) if (taken[k]!(i)) pattern |= 1 << k;
      // Of several declined answers the surest is given: that hangs on more than the pattern.
      if (memory.calm[i] === 1 && !(endsOpen && pattern === 0)) {
        memory.plans[pattern] ??= planOf(policy, items[i]!);
        follow(memory.plans[pattern]!, memory.columns, policy, i, trials);
      } else copy(pageOf(memory, pattern, policy, items, i), trials, i);
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
  readonly columns: readonly StepColumns[];
  readonly acceptances: Acceptances;
  readonly calm: Uint8Array;
  /** By the pattern of accepted answers: what the router makes of a calm item, and of each other one. */
  readonly plans: Plan[];
  readonly pages: { readonly done: Uint8Array; readonly trials: Trials }[];
}

function remember(policy: RoutePolicy, items: readonly Item[]): Memory {
  const columns = policy.steps.map(step => columnsOf(step, items));
  return { columns, acceptances: new Acceptances(columns), calm: calmItems(policy, columns, items.length), plans: [], pages: [] };
}

/** All of a policy but its thresholds. */
const shapeOf = (policy: RoutePolicy): string =>
  JSON.stringify({ ...policy, steps: policy.steps.map(({ accept, ...rest }) => ({ ...rest, held: accept !== undefined })) });

function pageOf(memory: Memory, pattern: number, policy: RoutePolicy, items: readonly Item[], i: number): Trials {
  memory.pages[pattern] ??= { done: new Uint8Array(items.length), trials: empty(items.length) };
  const { done, trials } = memory.pages[pattern];
  if (done[i] === 0) {
    write(trials, i, trial(policy, items[i]!));
    done[i] = 1;
  }
  return trials;
}

/** The steps that were asked, one after the other, and the one whose answer was given. */
interface Plan {
  readonly asked: readonly number[];
  readonly answered: number;
}

/** By the real router, on an item of which all others of its kind differ in numbers alone. */
function planOf(policy: RoutePolicy, item: Item): Plan {
  const simulation = simulate(policy, item.id, (target, nth) => (nth === 0 ? recordedOf(item.outcomes.get(target)) : undefined));
  if (!simulation.supported) throw new Error(`item ${item.id} knows no outcome of ${simulation.target}`);
  const { outcome, attempts } = simulation.state;
  const answered = outcome?.type === 'answered' ? attempts[outcome.attempt]!.step : -1;
  return { asked: attempts.map(({ step }) => step), answered };
}

function follow({ asked, answered }: Plan, columns: readonly StepColumns[], policy: RoutePolicy, i: number, to: Trials): void {
  let [cost, ended, started, timed] = [0, 0, 0, 1];
  for (const k of asked) {
    const column = columns[k]!;
    cost += column.cost[i]!;
    if (k === answered) started = ended;
    ended += column.latencyMs[i]!;
    timed &= column.timed[i]!;
  }
  to.cost[i] = cost;
  to.step[i] = answered;
  to.quality[i] = answered < 0 ? 0 : columns[answered]!.quality[i]!;
  to.latencyMs[i] = timed ? ended : Number.NaN;
  const first = answered < 0 || !timed ? Number.NaN : columns[answered]!.firstTokenMs[i]!;
  const held = answered >= 0 && policy.steps[answered]!.accept !== undefined;
  to.firstTokenMs[i] = timed && held ? ended : Number.isNaN(first) ? Number.NaN : Math.min(started + first, ended);
}

export interface Trial {
  readonly cost: number;
  readonly quality: number;
  readonly latencyMs: number;
  readonly firstTokenMs: number;
  readonly step: number;
}

/** The target that the policy comes to and the item knows nothing of. */
export function missingFor(policy: RoutePolicy, item: Item): string | undefined {
  const simulation = simulate(policy, item.id, (target, nth) => (nth === 0 ? recordedOf(item.outcomes.get(target)) : undefined));
  return simulation.supported ? undefined : simulation.target;
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
