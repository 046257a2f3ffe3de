/** Reasoning effort and budgets for Gemini: a token budget in 2.5, a level since 3. */
import type { ChatRequest, Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type Warning } from '../../core/chat/provider.ts';
import type { ModelTraits, ThinkingLevel } from './model.ts';

/** Google's own mapping for `reasoning_effort` on its OpenAI-compatible endpoint. */
const budgets: Readonly<Record<ReasoningEffort, number>> = {
  none: 0,
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};
const levelOrder: readonly ThinkingLevel[] = ['minimal', 'low', 'medium', 'high'];

/** `generationConfig.thinkingConfig`; undefined when the caller requested nothing that can be sent. */
export function renderThinking({ reasoning }: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject | undefined {
  if (reasoning?.effort === undefined && reasoning?.budgetTokens === undefined) return undefined;
  const field = reasoning.budgetTokens === undefined ? 'reasoning_effort' : 'reasoning.max_tokens';
  const off = reasoning.budgetTokens === undefined ? reasoning.effort === 'none' : reasoning.budgetTokens === 0;
  if (traits.thinking === 'none') {
    if (!off) warnings.push(dropped(field, 'This model does not reason.'));
    return undefined;
  }
  if (traits.thinking === 'budget' || (reasoning.budgetTokens !== undefined && !off))
    return renderBudget(reasoning, field, off, traits, warnings);
  return renderLevel(off ? 'none' : reasoning.effort!, field, reasoning.shown !== false, traits, warnings);
}

function renderBudget(reasoning: Reasoning, field: string, off: boolean, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (off && traits.canStopThinking) return { thinkingBudget: 0 };
  const requested = reasoning.budgetTokens ?? budgets[reasoning.effort!];
  const tokens = Math.min(Math.max(requested, traits.budgetMin), traits.budgetMax);
  if (tokens !== reasoning.budgetTokens) warnings.push(approximated(field, `Sent as a thinking budget of ${tokens} tokens.`));
  return { thinkingBudget: tokens, includeThoughts: !off && reasoning.shown !== false };
}

function renderLevel(effort: ReasoningEffort, field: string, shown: boolean, traits: ModelTraits, warnings: Warning[]): JsonObject {
  const requested = effort === 'none' ? 'minimal' : effort === 'xhigh' || effort === 'max' ? 'high' : effort;
  const level = traits.levels.find(candidate => levelOrder.indexOf(candidate) >= levelOrder.indexOf(requested)) ?? 'high';
  if (level !== effort) warnings.push(approximated(field, `The nearest level of this model is ${level}.`));
  return { thinkingLevel: level, includeThoughts: shown && effort !== 'none' };
}
