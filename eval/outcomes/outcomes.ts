/** The outcome matrix of eval: each target's outcome for each request. Missing outcomes stay missing. */

import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';

/** One cell. An absent member is unknown. */
export interface Outcome {
  /** In [0, 1]. */
  readonly quality?: number;
  readonly signals: Signals;
  /** Of every try at this target. */
  readonly costNanoUsd?: NanoUsd;
  readonly latencyMs?: Milliseconds;
  /** To the first content. */
  readonly firstTokenMs?: Milliseconds;
  /** Other scores of the answer, by their names. */
  readonly scores?: Readonly<Record<string, number>>;
  /** The model that answered, as it called itself. */
  readonly model?: string;
  /** The target was called because the request was drawn at random; the item has the probability. */
  readonly drawn?: boolean;
  /** It gave no answer. */
  readonly failure?: Failure;
}

export interface Item {
  readonly id: string;
  /** Items that are not independent of one another share it: a conversation, or the item alone. */
  readonly cluster: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** How many requests it represents: 1 / the probability with which its outcomes were drawn, as in an audit. Absent where nothing was drawn. */
  readonly weight?: number;
  /**
   * With which the outcomes that the traffic itself does not show were drawn, in (0, 1]: known for every request of the population, drawn or not.
   * Absent where only the drawn ones are at hand.
   */
  readonly chance?: number;
  /** By which a part of the requests is named: tenant, route, user, and what the caller tagged. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Outcomes {
  readonly items: readonly Item[];
  /** Where quality comes from, in words: `scores named quality`, `agreement with sim/large`. */
  readonly label: string;
  /** What the reader should know of how the matrix came about. */
  readonly notes: readonly string[];
  /** Where the requests were recorded; undefined when a file gives them. */
  readonly source?:
    | {
        readonly routes: readonly string[];
        readonly configurations: number;
        readonly from: Instant;
        readonly to: Instant;
        readonly requests: number;
        /** They name no conversation: each counts as independent of all others, whether or not it is. */
        readonly withoutConversation: number;
      }
    | undefined;
}

/** Items that a judgement had to leave out, why, and what would bring them back. */
export interface Dropped {
  readonly count: number;
  readonly why: string;
  readonly mend?: string;
}

export interface CompleteItems {
  readonly targets: readonly string[];
  /** All items that any of the targets knows, in the order of their ids: the population of a claim. */
  readonly population: readonly Item[];
  /** Every one has every target's outcome, with all that is judged. */
  readonly items: readonly Item[];
  readonly dropped: readonly Dropped[];
  /** For each target: how many of the items that any of the targets knows it knows. */
  readonly coverage: ReadonlyMap<string, number>;
  /** Items that any of the targets knows. */
  readonly known: number;
  /** False when some target's price is known for no item at all: then cost is not judged, and costs drop no item. */
  readonly priced: boolean;
}

/** Undefined where all weigh the same, so that weights change nothing. Undrawn requests weigh 0: the drawn ones stand for them. */
export function weightsOf(items: readonly Item[]): Float64Array | undefined {
  const weights = Float64Array.from(items, ({ weight, chance = 1 }) => weight ?? (chance < 1 ? 0 : 1));
  return weights.every(weight => weight === weights[0]) ? undefined : weights;
}

/** The items that all targets know, in the order of their ids, so that the order they came in changes nothing. A number that one target lacks drops the whole item: comparisons are in pairs. */
export function completeItems(items: readonly Item[], targets: readonly string[]): CompleteItems {
  const known = items.filter(item => targets.some(target => item.outcomes.has(target))).sort((a, b) => (a.id < b.id ? -1 : 1));
  const coverage = new Map(targets.map(target => [target, known.filter(item => item.outcomes.has(target)).length]));
  const dropped: Dropped[] = [];
  const keep = (
    from: readonly Item[],
    lacks: (outcome: Outcome | undefined) => boolean,
    why: string,
    remedy: (target: string) => string,
  ): Item[] => {
    let kept = [...from];
    for (const target of targets) {
      const before = kept.length;
      kept = kept.filter(item => !lacks(item.outcomes.get(target)));
      if (kept.length < before) dropped.push({ count: before - kept.length, why: `${why} ${target}`, mend: remedy(target) });
    }
    return kept;
  };
  const withOutcome = keep(
    known,
    outcome => !outcome,
    'no outcome of',
    target => `hindcast replay run --against ${target}`,
  );
  const scored = keep(
    withOutcome,
    outcome => !outcome!.failure && outcome!.quality === undefined,
    'no quality for the answer of',
    () => 'score them, or judge by agreement: --quality agreement',
  );
  const priced = targets.every(target => scored.some(item => item.outcomes.get(target)!.costNanoUsd !== undefined));
  const items_ = priced
    ? keep(
        scored,
        outcome => outcome!.costNanoUsd === undefined && !outcome!.failure,
        'no known price for the answer of',
        target => `prices: { "${target}": { input: …, output: … } } in the config`,
      )
    : scored;
  return { targets, population: known, items: items_, dropped, coverage, known: known.length, priced };
}
