/** Counts unknown outcomes against the claim. A claim that holds then holds for every value of the missing outcomes. */
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { Chain, SweptSignal } from '../policies/chain.ts';
import { isComplete } from './population.ts';

/**
 * The population with each missing outcome as bad as it can be for "the chain loses little against its last target": the last target is
 * right, and an earlier one is wrong and accepted at every threshold. Complete items are the same objects. A request whose answer the
 * policy declines loses nothing, so an unknown outcome of the last target costs only where the policy accepts an earlier answer.
 * Source: Manski, "Nonparametric bounds on treatment effects" (1990).
 */
export function worstCaseItems(items: readonly Item[], { targets }: Chain, signal: SweptSignal): readonly Item[] {
  return items.map(item => (isComplete(item, targets) ? item : { ...item, outcomes: worstOutcomes(item, targets, signal) }));
}

function worstOutcomes(item: Item, targets: readonly string[], signal: SweptSignal): ReadonlyMap<string, Outcome> {
  const last = targets.length - 1;
  return new Map(
    targets.map((target, i) => {
      const outcome = item.outcomes.get(target);
      if (outcome && (outcome.failure || outcome.quality !== undefined)) return [target, outcome];
      if (outcome) return [target, { ...outcome, quality: i === last ? 1 : 0 }];
      return [target, i === last ? { quality: 1, signals: {} } : { quality: 0, signals: surest(signal) }];
    }),
  );
}

/** `confidence` is read from any of its sources; the first one is enough. */
const surest = (signal: SweptSignal): Outcome['signals'] =>
  signal === 'confidence' ? { scorer: Number.MAX_VALUE } : { [signal]: Number.MAX_VALUE };
