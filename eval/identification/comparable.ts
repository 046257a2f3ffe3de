/** Two policies on the same requests: which of them can be compared, their weights, and which have unknown outcomes. */
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import type { Item } from '../outcomes/outcomes.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { isUndrawn } from './population.ts';

/** What two policies did with the same items; NaN where an outcome they came to is not known. */
export interface PairedTrials {
  readonly items: readonly Item[];
  readonly baseline: Trials;
  readonly candidate: Trials;
}

export interface ComparablePolicies {
  /** Items of which every outcome that both policies come to is known; the quality of some answers may be missing, and is NaN. */
  readonly known: PairedTrials;
  /** One over the chance that what they need was drawn with; undefined where nothing they need was. */
  readonly weights: Float64Array | undefined;
  /** One over the least chance of all requests, drawn or not; 1 where nothing was drawn, Infinity where a file holds drawn rows alone. */
  readonly weightMax: number;
  /** Items that lack an outcome which was not drawn, at a known chance: the weights stand for them. */
  readonly undrawn: number;
  /** Items that lack a needed outcome for any other reason: their result is unknown. */
  readonly missing: PairedTrials;
  /** Of the known ones, how many lack the quality of an answer. */
  readonly unlabelled: number;
  /** By target, how many of the missing lack its outcome or its quality. */
  readonly lacking: ReadonlyMap<string, number>;
  /** The same without requests that both policies answer by the same target: whatever such an answer is worth, it makes no difference. */
  readonly lackingForDifference: ReadonlyMap<string, number>;
}

/**
 * A policy needs of an item only the outcomes that its own decisions come to. `items` are sorted by id here, so that their order changes
 * nothing. `compared` as for `trialRunner`: their latencies are known for all items or for none.
 */
export function comparablePolicies(
  all: readonly Item[],
  { baseline, candidate }: { readonly baseline: RoutePolicy; readonly candidate: RoutePolicy },
  compared: readonly string[],
): ComparablePolicies {
  const items = all.filter(item => compared.some(target => item.outcomes.has(target))).sort((a, b) => (a.id < b.id ? -1 : 1));
  const run = trialRunner(items, compared);
  const trials = { baseline: run(baseline), candidate: run(candidate) };
  const [at, missing, weights]: [number[], number[], number[]] = [[], [], []];
  const lacking = new Map<string, number>();
  const lackingForDifference = new Map<string, number>();
  const addTo = (counts: Map<string, number>, target: string): void => void counts.set(target, (counts.get(target) ?? 0) + 1);
  let [undrawn, unlabelled] = [0, 0];
  for (const [i, item] of items.entries()) {
    const lacks = [lackOf(trials.baseline, baseline, i), lackOf(trials.candidate, candidate, i)].find(lack => lack !== undefined);
    if (lacks === undefined) {
      at.push(i);
      const bare = unlabelledOf(trials.baseline, baseline, item, i) ?? unlabelledOf(trials.candidate, candidate, item, i);
      if (bare !== undefined) {
        unlabelled++;
        // Where quality is agreement, what is lacking is the answer to agree with.
        const lack = item.outcomes.has(compared.at(-1)!) ? bare : compared.at(-1)!;
        addTo(lacking, lack);
        if (answererOf(trials.baseline, baseline, i) !== answererOf(trials.candidate, candidate, i)) addTo(lackingForDifference, lack);
      }
      weights.push(needsDraw(item, trials, { baseline, candidate }, i) ? (item.weight ?? 1) : 1);
    } else if (isUndrawn(item) && !item.outcomes.has(lacks)) undrawn++;
    else {
      missing.push(i);
      addTo(lacking, lacks);
      addTo(lackingForDifference, lacks);
    }
  }
  const isEven = weights.every(weight => weight === weights[0]) && undrawn === 0;
  return {
    known: paired(items, trials, at),
    weights: isEven ? undefined : Float64Array.from(weights),
    weightMax: items.reduce(
      (most, { weight, chance }) => Math.max(most, weight !== undefined && chance === undefined ? Infinity : 1 / (chance ?? 1)),
      1,
    ),
    ...{ undrawn, unlabelled },
    missing: paired(items, trials, missing),
    ...{ lacking, lackingForDifference },
  };
}

/** The target that the policy comes to and whose outcome the item does not know. */
const lackOf = ({ lacks }: Trials, { steps }: RoutePolicy, i: number): string | undefined => steps[lacks![i]!]?.target;

/** The target whose answer is given and has no quality. */
function unlabelledOf({ step, quality }: Trials, { steps }: RoutePolicy, item: Item, i: number): string | undefined {
  const target = steps[step[i]!]?.target;
  return target !== undefined && Number.isNaN(quality[i]!) && !item.outcomes.get(target)?.failure ? target : undefined;
}

function needsDraw(
  item: Item,
  trials: { readonly baseline: Trials; readonly candidate: Trials },
  policies: { readonly baseline: RoutePolicy; readonly candidate: RoutePolicy },
  i: number,
): boolean {
  if (item.weight === undefined) return false;
  // A file of drawn rows alone does not say which of its outcomes were.
  if (item.chance === undefined || ![...item.outcomes.values()].some(({ drawn }) => drawn)) return true;
  return (['baseline', 'candidate'] as const).some(side =>
    policies[side].steps.some(({ target }, k) => ((trials[side].calledSteps![i]! >> k) & 1) === 1 && item.outcomes.get(target)?.drawn),
  );
}

const paired = (items: readonly Item[], trials: Pick<PairedTrials, 'baseline' | 'candidate'>, at: readonly number[]): PairedTrials => ({
  items: at.map(i => items[i]!),
  baseline: trialsAt(trials.baseline, at),
  candidate: trialsAt(trials.candidate, at),
});

/** The trials at these indices. */
export function trialsAt(trials: Trials, at: readonly number[]): Trials {
  const of = (values: Float64Array): Float64Array => Float64Array.from(at, i => values[i]!);
  return {
    cost: of(trials.cost),
    quality: of(trials.quality),
    latencyMs: of(trials.latencyMs),
    firstTokenMs: of(trials.firstTokenMs),
    step: Int8Array.from(at, i => trials.step[i]!),
    ...(trials.lacks ? { lacks: Int8Array.from(at, i => trials.lacks![i]!) } : {}),
    ...(trials.calledSteps ? { calledSteps: Uint8Array.from(at, i => trials.calledSteps![i]!) } : {}),
  };
}

/**
 * The items with missing qualities as bad, or as good, for the candidate as they can be. Where both policies end with the same target the answer is the
 * same, whatever it is. Costs and times stay NaN: they have no bound here. Source: Manski, "Nonparametric bounds on treatment effects" (1990).
 */
export function filled(
  { items, baseline, candidate }: PairedTrials,
  policies: { readonly baseline: RoutePolicy; readonly candidate: RoutePolicy },
  how: 'worst' | 'best',
): PairedTrials {
  const isSame = (i: number): boolean => answererOf(baseline, policies.baseline, i) === answererOf(candidate, policies.candidate, i);
  const fill = (own: Trials, unknown: (i: number) => number): Trials => ({
    ...own,
    quality: own.quality.map((quality, i) => (Number.isNaN(quality) ? unknown(i) : quality)),
  });
  const [low, high] = how === 'worst' ? [0, 1] : [1, 0];
  return { items, candidate: fill(candidate, () => low), baseline: fill(baseline, i => (isSame(i) ? low : high)) };
}

const answererOf = ({ step }: Trials, { steps }: RoutePolicy, i: number): string => steps[step[i]!]?.target ?? '';
