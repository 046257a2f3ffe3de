/** The known outcomes of a population of requests. Every request counts, also those with unknown outcomes. */
import type { Item } from '../outcomes/outcomes.ts';

/** How the outcomes of one target came to be known. */
export interface TargetKnowledge {
  readonly target: string;
  /** Recorded because the target was called: always, or after an earlier response was declined. */
  readonly asked: number;
  /** Known because the request was drawn with a recorded chance. */
  readonly drawn: number;
  /** Answered, but without a quality that could be compared. */
  readonly unlabelled: number;
  /** Not called. */
  readonly unknown: number;
  /** Mean cost of the known outcomes, in nano-dollars; NaN when none has a price. */
  readonly meanCostNanoUsd: number;
}

export interface Population {
  readonly requests: number;
  /** Requests of which every target's outcome is known with its quality. */
  readonly complete: number;
  readonly targets: readonly TargetKnowledge[];
  /** The least chance with which an outcome was drawn; undefined when none was drawn. */
  readonly chanceMin: number | undefined;
}

/** Whether every target's outcome of the item is known. */
export const isComplete = (item: Item, targets: readonly string[]): boolean =>
  targets.every(target => {
    const outcome = item.outcomes.get(target);
    return outcome !== undefined && (outcome.failure !== undefined || outcome.quality !== undefined);
  });

/** It lacks an outcome because chance did not draw it; the drawn ones stand for it. */
export const isUndrawn = ({ chance = 1, weight }: Item): boolean => chance < 1 && weight === undefined;

/** The chance with which the item's missing outcome was, or would have been, drawn; 1 when nothing was drawn. */
export const chanceOf = ({ chance, weight = 1 }: Item): number => chance ?? 1 / weight;

/** How many requests there are, how many are complete, and what is known of each target. */
export function populationOf(items: readonly Item[], targets: readonly string[]): Population {
  const drawnItems = items.filter(item => chanceOf(item) < 1);
  return {
    requests: items.length,
    complete: items.filter(item => isComplete(item, targets)).length,
    targets: targets.map((target, i) => knowledgeOf(items, target, i === targets.length - 1)),
    chanceMin: drawnItems.length === 0 ? undefined : drawnItems.reduce((least, item) => Math.min(least, chanceOf(item)), 1),
  };
}

function knowledgeOf(items: readonly Item[], target: string, isLast: boolean): TargetKnowledge {
  let [asked, drawn, unlabelled, unknown, cost, priced] = [0, 0, 0, 0, 0, 0];
  for (const item of items) {
    const outcome = item.outcomes.get(target);
    if (!outcome) {
      unknown++;
      continue;
    }
    if (outcome.costNanoUsd !== undefined) {
      cost += outcome.costNanoUsd;
      priced++;
    }
    if (!outcome.failure && outcome.quality === undefined) unlabelled++;
    else if (outcome.drawn ?? (isLast && chanceOf(item) < 1)) drawn++;
    else asked++;
  }
  return { target, asked, drawn, unlabelled, unknown, meanCostNanoUsd: priced === 0 ? Number.NaN : cost / priced };
}
