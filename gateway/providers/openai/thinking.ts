/** An effort as a token budget, for vendors with budgets only. */
import type { Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';

const budgets: Readonly<Record<ReasoningEffort, number>> = {
  none: 0,
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};

/** The token budget of a reasoning effort. */
export const budgetOf = (effort: ReasoningEffort): number => budgets[effort];

const effortOrder: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/**
 * The requested effort, else the next higher one of the model, else its highest. `supported` is ascending. A budget gives `high`, or the
 * highest.
 */
export function nearestEffort(supported: readonly ReasoningEffort[], { effort, budgetTokens }: Reasoning): ReasoningEffort {
  const requested = effort ?? (budgetTokens === 0 ? 'none' : 'high');
  return supported.find(one => effortOrder.indexOf(one) >= effortOrder.indexOf(requested)) ?? supported.at(-1)!;
}
