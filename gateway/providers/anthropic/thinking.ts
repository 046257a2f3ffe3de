/** Reasoning effort and budgets for Claude: a token budget in older models, an effort in newer ones. */
import type { ChatRequest, Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { altered, approximated, dropped, type Warning } from '../../core/chat/provider.ts';
import type { Turn } from '../../core/chat/turns.ts';
import type { ModelTraits } from './model.ts';

export interface RenderedThinking {
  readonly thinking?: JsonObject;
  /** `output_config.effort`. */
  readonly effort?: string;
}

/** Anthropic refuses a smaller budget. */
const budgetTokensMin = 1_024;
/** Share of `max_tokens` for an effort without a budget; the rest is left for the response. */
const budgetShareMax = 0.8;
const budgets: Readonly<Record<Exclude<ReasoningEffort, 'none'>, number>> = {
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

export function renderThinking(
  request: ChatRequest,
  traits: ModelTraits,
  maxTokens: number,
  turns: readonly Turn[],
  warnings: Warning[],
): RenderedThinking {
  const { reasoning } = request;
  if (reasoning?.effort === undefined && reasoning?.budgetTokens === undefined) return {};
  const field = fieldOf(reasoning);
  if (reasoning.effort === 'none' || reasoning.budgetTokens === 0) return renderOff(field, traits, warnings);
  if (traits.thinking === 'none') {
    warnings.push(dropped(field, 'This model does not reason.'));
    return {};
  }
  const byBudget = traits.thinking === 'budget' || (traits.thinking === 'both' && reasoning.budgetTokens !== undefined);
  if (!byBudget) return renderEffort(reasoning, traits, warnings);
  const obstacle = thinkingObstacle(request, turns);
  if (!obstacle) return renderBudget(reasoning, maxTokens, warnings);
  warnings.push(dropped(field, obstacle));
  return {};
}

const fieldOf = (reasoning: Reasoning): string => (reasoning.budgetTokens === undefined ? 'reasoning_effort' : 'reasoning.max_tokens');

function renderOff(field: string, traits: ModelTraits, warnings: Warning[]): RenderedThinking {
  switch (traits.thinkingOff) {
    case 'nothing':
      return {};
    case 'impossible':
      warnings.push(altered(field, 'This model always reasons; sent with low effort.'));
      return { effort: 'low' };
    default:
      return { thinking: { type: traits.thinkingOff } };
  }
}

/** `display` is sent because newer models otherwise omit the reasoning text. */
function renderEffort(reasoning: Reasoning, traits: ModelTraits, warnings: Warning[]): RenderedThinking {
  const requested = reasoning.budgetTokens === undefined ? reasoning.effort! : effortOf(reasoning.budgetTokens);
  const effort = requested === 'xhigh' || requested === 'max' ? traits.effortMax : requested === 'minimal' ? 'low' : requested;
  if (reasoning.budgetTokens !== undefined) {
    warnings.push(approximated('reasoning.max_tokens', `This model takes an effort instead of a budget: ${effort}.`));
  } else if (effort !== requested) warnings.push(approximated('reasoning_effort', `The nearest effort of this model is ${effort}.`));
  return { thinking: { type: 'adaptive', display: reasoning.shown === false ? 'omitted' : 'summarized' }, effort };
}

const effortOf = (budgetTokens: number): ReasoningEffort =>
  (['low', 'medium', 'high'] as const).find(effort => budgetTokens <= budgets[effort]) ?? 'xhigh';

function renderBudget(reasoning: Reasoning, maxTokens: number, warnings: Warning[]): RenderedThinking {
  const field = fieldOf(reasoning);
  const requested = reasoning.budgetTokens ?? budgets[reasoning.effort as keyof typeof budgets];
  const most = reasoning.budgetTokens === undefined ? Math.floor(maxTokens * budgetShareMax) : maxTokens - 1;
  const tokens = Math.min(Math.max(requested, budgetTokensMin), most);
  if (tokens < budgetTokensMin) {
    warnings.push(dropped(field, `max_tokens leaves no room for a thinking budget of ${budgetTokensMin}, the least there is.`));
    return {};
  }
  if (reasoning.budgetTokens !== tokens) warnings.push(approximated(field, `Sent as a thinking budget of ${tokens} tokens.`));
  return { thinking: { type: 'enabled', budget_tokens: tokens, ...(reasoning.shown === false ? { display: 'omitted' } : {}) } };
}

/**
 * Why thinking must be left out. Anthropic refuses it beside some parameters, such as a forced call, which are kept because they bind the
 * response.
 */
function thinkingObstacle(request: ChatRequest, turns: readonly Turn[]): string | undefined {
  const forced = request.tools.length > 0 && (request.toolChoice?.type === 'required' || request.toolChoice?.type === 'tool');
  if (forced) return 'A thinking budget excludes a forced tool call.';
  const answering = turns.at(-1)?.content.some(block => block.type === 'tool_result');
  const opening = turns.findLast(turn => turn.role === 'assistant')?.content[0]?.type;
  if (answering && opening !== 'thinking' && opening !== 'redacted_thinking') {
    return 'The answered tool call has no signed thinking, which a thinking budget requires.';
  }
  return undefined;
}
