/** An effort as a budget of tokens, for vendors that count. */
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

export const budgetOf = (effort: ReasoningEffort): number => budgets[effort];

const effortOrder: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/** Of the efforts that a model takes, in rising order, the one asked for, else the next above it, else the highest. Of a budget: `high`, or the highest. */
export function nearestEffort(supported: readonly ReasoningEffort[], { effort, budgetTokens }: Reasoning): ReasoningEffort {
  const requested = effort ?? (budgetTokens === 0 ? 'none' : 'high');
  return supported.find(one => effortOrder.indexOf(one) >= effortOrder.indexOf(requested)) ?? supported.at(-1)!;
}
