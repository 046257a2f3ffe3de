/** The parameters that a model accepts, by its name. OpenAI's reasoning models answer 400 to many that others need. */
import type { ReasoningEffort } from '../../core/chat/chat.ts';

export interface ModelTraits {
  /** OpenAI's own models, which refuse unknown members. Other vendors' models get OpenAI's oldest parameters. */
  readonly isOpenAi: boolean;
  readonly limitField: 'max_tokens' | 'max_completion_tokens';
  /** Accepted efforts, ascending; `any` where the vendor decides, [] for models that do not reason. */
  readonly efforts: readonly ReasoningEffort[] | 'any';
  /** The effort used when none is sent. */
  readonly effortDefault: ReasoningEffort | undefined;
  /** Accepts `temperature`, `top_p` and `logprobs`; `without-reasoning` only while it does not reason. */
  readonly sampling: 'always' | 'without-reasoning' | 'never';
  readonly penalties: boolean;
  readonly stop: boolean;
  readonly parallelToolCalls: boolean;
  /** Accepts tools while it reasons. Others require `reasoning_effort: none` beside tools in this API. */
  readonly toolsWhileReasoning: boolean;
  /** The role of a system prompt; the first reasoning models had none. */
  readonly systemPromptRoles: 'system and developer' | 'system' | 'user';
  /** Requires its earlier reasoning as `reasoning_content`. */
  readonly acceptsReasoning: boolean;
  /** Requires the signatures of its reasoning as `reasoning_details`. */
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

/** These models refuse `max_tokens`; older ones accept it, and so do OpenAI-compatible servers. */
const reasoning: ModelTraits = {
  ...conversational,
  limitField: 'max_completion_tokens',
  efforts: ['low', 'medium', 'high'],
  effortDefault: 'medium',
  sampling: 'never',
  penalties: false,
};

/** Models that answer 400, or lose their reasoning, when reasoning before a tool call is not sent back. */
const acceptsReasoningModels = /deepseek|kimi|glm-|minimax|mimo|qwen3/;

/** Sources: developers.openai.com, reasoning and model guides up to GPT-6.1 (October 2026), and public error responses. */
export function traitsOf(model: string): ModelTraits {
  const name = model
    .slice(model.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/^ft:/, '');
  const series = /^o\d/.test(name) ? traitsOfSeriesO(name) : traitsOfGpt(name);
  if (!series) return vendorModelTraits(name);
  // Search models accept no sampling parameters, at any version.
  return name.includes('-search') ? { ...series, sampling: 'never', penalties: false } : series;
}

/** The traits of a vendor's own model, of any name. */
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
  if (version < 502) return { ...series, efforts: ['none', 'low', 'medium', 'high'], effortDefault: 'none', sampling: 'without-reasoning' };
  const efforts = ['none', 'low', 'medium', 'high', 'xhigh'] as const;
  if (version < 504) return { ...series, efforts, effortDefault: 'none', sampling: 'without-reasoning' };
  if (version < 505) return { ...series, efforts, effortDefault: 'none', sampling: 'without-reasoning', toolsWhileReasoning: false };
  if (version < 506) return { ...series, efforts, toolsWhileReasoning: false };
  return { ...series, efforts: [...efforts, 'max'], toolsWhileReasoning: false };
}

/** ChatGPT models: the first one does not reason; later ones choose their effort themselves. */
const traitsOfChatModel = (version: number): ModelTraits =>
  version < 501 ? { ...conversational, limitField: 'max_completion_tokens' } : { ...reasoning, efforts: ['medium'], stop: false };
