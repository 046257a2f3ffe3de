/** A policy's result on every item: the real router runs in virtual time over the known outcomes. */
import type { RoutePolicy, RouteState } from '../../gateway/core/routing/router.ts';
import { type AttemptBehaviour, type Simulation, simulatePolicy } from '../../replay/simulation/simulate-policy.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import { AcceptanceTable, columnsOf, costOf, failureFreeItems, type StepColumns } from './outcome-columns.ts';

/** One row per item, in columns. NaN where the outcome has no value. */
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
  /** The step that was reached and whose outcome is unknown; `step` is the same then. -1 when every needed outcome is known. */
  readonly lacks?: Int8Array;
  /** The steps that were come to, one bit each. */
  readonly calledSteps?: Uint8Array;
}

/** Writes into `into`, trials of the same items that are needed no more, where it is given. */
export type TrialRunner = (policy: RoutePolicy, into?: Trials) => Trials;

/**
 * Decides policies that differ in nothing but what their steps accept. Which answers are accepted is all that the router reads of a
 * threshold, so an item is simulated once for each pattern of accepted answers, and the trial is kept; where neither time nor failures decide,
 * once for all such items. Where a policy comes to a target that the item knows nothing of, all is NaN and `lacks` names the step. With `compared`, an
 * item whose latency one of these targets lacks has none under any policy, and none to the first content when the last of them lacks
 * that: percentiles of different policies are over the same items.
 */
export function trialRunner(items: readonly Item[], compared: readonly string[] = []): TrialRunner {
  const caches = new Map<string, TrialCache>();
  const untimed = where(items, item => compared.some(target => item.outcomes.get(target)?.latencyMs === undefined));
  const unopened = where(items, ({ outcomes }) => compared.slice(-1).some(target => isUnopened(outcomes.get(target))));
  return (policy, into) => {
    const shape = shapeOf(policy);
    const cache = caches.get(shape) ?? createTrialCache(policy, items);
    caches.set(shape, cache);
    const trials = into ?? empty(items.length);
    const accepts = policy.steps.map((step, k) => cache.acceptances.of(k, step));
    const endsOpen = policy.steps.at(-1)?.accept !== undefined;
    for (let i = 0; i < items.length; i++) {
      let pattern = 0;
      for (let k = 0; k < accepts.length; k++) if (accepts[k]!(i)) pattern |= 1 << k;
      // Of several declined responses the surest is given, which depends on more than the pattern.
      if (cache.failureFree[i] === 1 && !(endsOpen && pattern === 0)) {
        cache.paths[pattern] ??= pathTrialsOf(policy, pattern, cache);
        copy(cache.paths[pattern]!, trials, i);
      } else copy(cachedTrials(cache, pattern, policy, items, i), trials, i);
    }
    for (const i of untimed) trials.latencyMs[i] = trials.firstTokenMs[i] = Number.NaN;
    for (const i of unopened) trials.firstTokenMs[i] = Number.NaN;
    return trials;
  };
}

const where = (items: readonly Item[], holds: (item: Item) => boolean): number[] => [...items.keys()].filter(i => holds(items[i]!));
const isUnopened = (outcome: Outcome | undefined): boolean => !outcome?.failure && outcome?.firstTokenMs === undefined;

interface TrialCache {
  /** Of each step's target, by item. */
  readonly columns: readonly StepColumns[];
  readonly acceptances: AcceptanceTable;
  readonly failureFree: Uint8Array;
  /** By the pattern of accepted answers: what the router makes of every failure-free item, all patterns that end at one step sharing it. */
  readonly paths: Trials[];
  readonly endedAt: Trials[];
  readonly cached: { readonly done: Uint8Array; readonly trials: Trials }[];
}

function createTrialCache(policy: RoutePolicy, items: readonly Item[]): TrialCache {
  const columns = policy.steps.map(step => columnsOf(step, items));
  return {
    columns,
    acceptances: new AcceptanceTable(columns),
    failureFree: failureFreeItems(policy, columns, items.length),
    paths: [],
    endedAt: [],
    cached: [],
  };
}

/** All of a policy but its thresholds. */
const shapeOf = (policy: RoutePolicy): string =>
  JSON.stringify({ ...policy, steps: policy.steps.map(({ accept, ...rest }) => ({ ...rest, held: accept !== undefined })) });

function cachedTrials(cache: TrialCache, pattern: number, policy: RoutePolicy, items: readonly Item[], i: number): Trials {
  cache.cached[pattern] ??= { done: new Uint8Array(items.length), trials: empty(items.length) };
  const { done, trials } = cache.cached[pattern];
  if (done[i] === 0) {
    write(trials, i, trialOf(policy, items[i]!));
    done[i] = 1;
  }
  return trials;
}

/** Where every answer comes in time the first accepted one ends it, else the last step: what the router does, as a test holds. */
function pathTrialsOf(policy: RoutePolicy, pattern: number, { columns, failureFree, endedAt }: TrialCache): Trials {
  const first = policy.steps.findIndex((_, k) => ((pattern >> k) & 1) === 1);
  const answered = first < 0 ? policy.steps.length - 1 : first;
  const known = endedAt[answered];
  if (known) return known;
  const trials = empty(failureFree.length);
  for (let i = 0; i < failureFree.length; i++) if (failureFree[i] === 1) writePath(answered, columns, policy, i, trials);
  endedAt[answered] = trials;
  return trials;
}

function writePath(answered: number, columns: readonly StepColumns[], policy: RoutePolicy, i: number, to: Trials): void {
  let [cost, ended, started, timed] = [0, 0, 0, 1];
  to.lacks![i] = -1;
  to.calledSteps![i] = 0;
  for (let k = 0; k <= answered; k++) {
    const column = columns[k]!;
    to.calledSteps![i]! |= 1 << k;
    if (column.known[i] === 0) {
      write(to, i, unknownTrial(k, to.calledSteps![i]!));
      return;
    }
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
  readonly lacks?: number;
  readonly calledSteps?: number;
}

const unknownTrial = (step: number, calledSteps: number): Trial => ({
  ...{ cost: Number.NaN, quality: Number.NaN, latencyMs: Number.NaN, firstTokenMs: Number.NaN },
  ...{ step, lacks: step, calledSteps },
});

/** One item under one policy, without any cache. Throws when it comes to a target that the item knows nothing of. */
export function runTrial(policy: RoutePolicy, item: Item): Trial {
  const { lacks, calledSteps: _, ...trial } = trialOf(policy, item);
  if (lacks !== undefined && lacks >= 0) throw new Error(`item ${item.id} knows no outcome of ${policy.steps[lacks]!.target}`);
  return trial;
}

function trialOf(policy: RoutePolicy, item: Item): Trial {
  const simulation = simulatePolicy(policy, item.id, (target, nth) =>
    nth === 0 ? attemptBehaviourOf(item.outcomes.get(target)) : undefined,
  );
  if (!simulation.supported) {
    const step = policy.steps.findIndex(({ target }) => target === simulation.target);
    return unknownTrial(step, (1 << (step + 1)) - 1);
  }
  const { state } = simulation;
  const calledSteps = state.attempts.reduce((mask, attempt) => mask | (1 << attempt.step), 0);
  const attemptedOutcomes = state.attempts.map(attempt => item.outcomes.get(policy.steps[attempt.step]!.target)!);
  const timed = attemptedOutcomes.every(outcome => outcome.latencyMs !== undefined);
  const cost = attemptedOutcomes.reduce((sum, outcome) => sum + costOf(outcome), 0);
  const latencyMs = timed ? simulation.endedAt : Number.NaN;
  if (state.outcome?.type !== 'answered') return { cost, quality: 0, latencyMs, firstTokenMs: Number.NaN, step: -1, calledSteps };
  const { step } = state.attempts[state.outcome.attempt]!;
  const outcome = item.outcomes.get(policy.steps[step]!.target)!;
  const firstTokenMs = timed ? firstTokenAt(policy, state, state.outcome.attempt, simulation, outcome) : Number.NaN;
  return { cost, quality: outcome.quality ?? Number.NaN, latencyMs, firstTokenMs, step, calledSteps };
}

function attemptBehaviourOf(outcome: Outcome | undefined): AttemptBehaviour | undefined {
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
  return {
    cost: column(),
    quality: column(),
    latencyMs: column(),
    firstTokenMs: column(),
    step: new Int8Array(n),
    lacks: new Int8Array(n),
    calledSteps: new Uint8Array(n),
  };
}

function write(to: Trials, i: number, { cost, quality, latencyMs, firstTokenMs, step, lacks = -1, calledSteps = 0 }: Trial): void {
  to.cost[i] = cost;
  to.quality[i] = quality;
  to.latencyMs[i] = latencyMs;
  to.firstTokenMs[i] = firstTokenMs;
  to.step[i] = step;
  to.lacks![i] = lacks;
  to.calledSteps![i] = calledSteps;
}

function copy(from: Trials, to: Trials, i: number): void {
  to.cost[i] = from.cost[i]!;
  to.quality[i] = from.quality[i]!;
  to.latencyMs[i] = from.latencyMs[i]!;
  to.firstTokenMs[i] = from.firstTokenMs[i]!;
  to.step[i] = from.step[i]!;
  to.lacks![i] = from.lacks![i]!;
  to.calledSteps![i] = from.calledSteps![i]!;
}
