/** Whether the complete requests represent all requests, or were selected by the compared policies. */
import type { CompleteItems } from '../outcomes/outcomes.ts';
import { isComplete, isUndrawn } from './population.ts';

/** A smaller share of incomplete requests moves no share by more than this. */
export const incompleteShareMax = 0.01;

/** Incomplete requests other than those that were not drawn with a known chance, which weights stand for. */
export const incompleteCount = ({ population }: CompleteItems, targets: readonly string[]): number =>
  population.filter(item => !isComplete(item, targets) && !isUndrawn(item)).length;

/** What is not known of so many requests, and what would make it known. */
export function missingProblem(missing: number, all: number, lacking: ReadonlyMap<string, number>): string {
  const which = [...lacking].map(([target, n]) => `${target} for ${n.toLocaleString('en')}`).join(', ');
  const remedy = [...lacking.keys()].map(target => `hindcast replay run --against ${target} --only-missing`).join('; ');
  return `${missing.toLocaleString('en')} of ${all.toLocaleString('en')} requests lack an outcome or a quality that this compares (${which}); as bad as they can be they do not satisfy it, as good as they can be they may. To know them: ${remedy}, or score the answers`;
}

/**
 * Why a comparison of the complete requests does not describe all of them; undefined when at most 1 % are incomplete. A live chain
 * escalates just what it doubts, so requests with every outcome are no random sample.
 */
export function selectionProblem(kept: CompleteItems, targets: readonly string[]): string | undefined {
  const { population, items } = kept;
  const incomplete = incompleteCount(kept, targets);
  if (incomplete <= incompleteShareMax * population.length) return undefined;
  const lacking = targets.filter(target => population.some(item => !item.outcomes.has(target)));
  const remedy =
    lacking.map(target => `hindcast replay run --against ${target} --only-missing`).join('; ') || 'score the answers without a quality';
  return `INCONCLUSIVE: ${incomplete.toLocaleString('en')} of ${population.length.toLocaleString('en')} requests lack an outcome that this compares${lacking.length > 0 ? ` (of ${lacking.join(', ')})` : ''}. The other ${items.length.toLocaleString('en')} were selected by the route or by chance unknown, so nothing follows for all requests. To know them: ${remedy}.`;
}
