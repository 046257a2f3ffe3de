/** What a model of this wire format takes, read from its name: OpenAI's reasoning models refuse with a 400 much of what others need. */
import type { ReasoningEffort } from '../../core/chat/chat.ts';

export interface ModelTraits {
  /** OpenAI's own, which refuses members it does not know; other vendors' models take what OpenAI's have always taken. */
  readonly isOpenAi: boolean;
  readonly limitField: 'max_tokens' | 'max_completion_tokens';
  /** The efforts it takes, the least first; `any` where the vendor decides, [] where it does not reason. */
  readonly efforts: readonly ReasoningEffort[] | 'any';
  /** What it does when no effort is said. */
  readonly effortDefault: ReasoningEffort | undefined;
  /** Takes `temperature`, `top_p` and `logprobs`; `resting` only while it does not reason. */
  readonly sampling: 'always' | 'resting' | 'never';
  readonly penalties: boolean;
  readonly stop: boolean;
  readonly parallelToolCalls: boolean;
  /** Takes tools while it reasons; those that do not want `reasoning_effort: none` beside tools on this API. */
  readonly toolsWhileReasoning: boolean;
  /** What a system prompt has to be called: the first reasoning models knew none. */
  readonly systemPromptRoles: 'system and developer' | 'system' | 'user';
  /** Wants its own earlier reasoning back as `reasoning_content`. */
  readonly acceptsReasoning: boolean;
  /** Wants what proves its thoughts back as `reasoning_details`. */
  readonly acceptsReasoningDetails?: true;
}

const conversational: ModelTraits = {
  isOpenAi: true,
  limitField: 'max_tokens',
  efforts: [],
  effortDefault: undefined,
  sampling: 'always',
  penalties: true,
  stop: true,
  parallelToolCalls: true,
  toolsWhileReasoning: true,
  systemPromptRoles: 'system and developer',
  acceptsReasoning: false,
};

const otherVendors: ModelTraits = { ...conversational, isOpenAi: false, efforts: 'any', systemPromptRoles: 'system' };

/** These refuse `max_tokens`; older ones take it, and so do all the servers that stand in for OpenAI's. */
const reasoning: ModelTraits = {
  ...conversational,
  limitField: 'max_completion_tokens',
  efforts: ['low', 'medium', 'high'],
  effortDefault: 'medium',
  sampling: 'never',
  penalties: false,
};

/** Vendors that answer 400, or forget what they were thinking, when reasoning before a tool call does not come back. */
const acceptsReasoningModels = /deepseek|kimi|glm-|minimax|mimo|qwen3/;

/** Sources: developers.openai.com, reasoning and model guides up to GPT-6.1 (October 2026), and refusals recorded or reported in public. */
export function traitsOf(model: string): ModelTraits {
  const name = model
    .slice(model.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/^ft:/, '');
  const series = /^o\d/.test(name) ? traitsOfSeriesO(name) : traitsOfGpt(name);
  if (!series) return vendorModelTraits(name);
  // Search models take no sampling and say nothing of it in their names' versions.
  return name.includes('-search') ? { ...series, sampling: 'never', penalties: false } : series;
}

/** What a vendor's own model takes, whatever its name. */
export const vendorModelTraits = (model: string): ModelTraits => ({
  ...otherVendors,
  acceptsReasoning: acceptsReasoningModels.test(model.toLowerCase()),
});

function traitsOfSeriesO(name: string): ModelTraits {
  const series = { ...reasoning, parallelToolCalls: false };
  if (/^o1-(mini|preview)/.test(name)) return { ...series, efforts: [], effortDefault: undefined, systemPromptRoles: 'user' };
  return { ...series, stop: name.startsWith('o1') || name.startsWith('o3-mini') };
}

function traitsOfGpt(name: string): ModelTraits | undefined {
  const found = /^(?:chat)?gpt-(\d)(?:\.(\d{1,2}))?/.exec(name);
  if (!found) return /^(gpt-audio|codex-mini)/.test(name) ? conversational : undefined;
  const version = Number(found[1]) * 100 + Number(found[2] ?? 0);
  if (version < 500) return conversational;
  if (name.includes('-chat')) return traitsOfChatModel(version);
  const series = { ...reasoning, stop: false };
  if (name.includes('-pro')) return { ...series, efforts: version < 502 ? ['high'] : ['medium', 'high', 'xhigh'], effortDefault: 'high' };
  if (version < 501) return { ...series, efforts: ['minimal', 'low', 'medium', 'high'] };
  if (version < 502) return { ...series, efforts: ['none', 'low', 'medium', 'high'], effortDefault: 'none', sampling: 'resting' };
  const efforts = ['none', 'low', 'medium', 'high', 'xhigh'] as const;
  if (version < 504) return { ...series, efforts, effortDefault: 'none', sampling: 'resting' };
  if (version < 505) return { ...series, efforts, effortDefault: 'none', sampling: 'resting', toolsWhileReasoning: false };
  if (version < 506) return { ...series, efforts, toolsWhileReasoning: false };
  return { ...series, efforts: [...efforts, 'max'], toolsWhileReasoning: false };
}

/** ChatGPT's own models: the first one does not reason, those after it choose by themselves how much. */
const traitsOfChatModel = (version: number): ModelTraits =>
  version < 501 ? { ...conversational, limitField: 'max_completion_tokens' } : { ...reasoning, efforts: ['medium'], stop: false };
