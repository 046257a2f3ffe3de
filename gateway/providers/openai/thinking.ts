/** An effort as a budget of tokens, for vendors that count. */
import type { ReasoningEffort } from '../../core/chat.ts';

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
