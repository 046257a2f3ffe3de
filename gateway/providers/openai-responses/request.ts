/** Renders a ChatRequest as the body of POST /responses. */
import type { ChatRequest } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type RenderedRequest, type Warning } from '../../core/chat/provider.ts';
import { type ModelTraits, traitsOf } from '../openai/model.ts';
import { renderServiceTier } from '../openai/request.ts';
import { renderSampling } from '../openai/sampling.ts';
import { renderInput } from './input.ts';
import { renderTools } from './tools.ts';

/** Members with the same name and meaning in chat completions. */
const sharedMembers = new Set([
  'store',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'safety_identifier',
  'moderation',
]);
/** OpenAI refuses a smaller limit. */
const outputTokensMin = 16;

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  // Combinations with tools that chat completions forbid are allowed here.
  const traits: ModelTraits = { ...traitsOf(model), toolsWhileReasoning: true };
  const { reasoning_effort: effort, stop, seed, n, logprobs, top_logprobs: top, ...sampling } = renderSampling(request, traits, warnings);
  for (const [field, value] of Object.entries({ stop, seed, n: n === 1 ? undefined : n })) {
    if (value !== undefined) warnings.push(dropped(field, `The Responses API has no equivalent of ${field}.`));
  }
  const { frequency_penalty: frequency, presence_penalty: presence, ...taken } = sampling;
  for (const [field, value] of Object.entries({ frequency_penalty: frequency, presence_penalty: presence })) {
    if (value !== undefined && value !== 0) warnings.push(dropped(field, 'The Responses API takes no penalties.'));
  }
  const { store = false, ...extra } = renderExtra(request, warnings);
  const body = {
    ...extra,
    model,
    input: renderInput(request, traits, warnings),
    ...renderTools(request),
    ...taken,
    ...(effort === undefined ? {} : { reasoning: { effort } }),
    ...renderIncluded(traits, logprobs === true),
    ...(top === undefined ? {} : { top_logprobs: top }),
    ...renderLimit(request, warnings),
    ...renderText(request),
    ...(request.user === undefined ? {} : { user: request.user }),
    ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
    ...renderServiceTier(request, traits, warnings),
    store,
    ...(request.stream ? { stream: true } : {}),
  };
  return { path: '/responses', body: JSON.stringify(body), warnings };
}

/** Encrypted reasoning is always requested, because without storage it is the only form that can be sent back. */
function renderIncluded(traits: ModelTraits, logprobs: boolean): JsonObject {
  const reasons = traits.isOpenAi && traits.efforts.length > 0;
  const include = [...(reasons ? ['reasoning.encrypted_content'] : []), ...(logprobs ? ['message.output_text.logprobs'] : [])];
  return include.length > 0 ? { include } : {};
}

function renderExtra({ extra }: ChatRequest, warnings: Warning[]): JsonObject {
  const sent: Record<string, Json> = {};
  for (const [field, value] of Object.entries(extra)) {
    if (sharedMembers.has(field)) sent[field] = value;
    else if (field !== 'verbosity' && field !== 'stream_options') warnings.push(dropped(field, 'Belongs to another wire format.'));
  }
  const { stream_options: options } = extra;
  if (isObject(options) && options.include_obfuscation !== undefined) {
    sent.stream_options = { include_obfuscation: options.include_obfuscation };
  }
  return sent;
}

function renderLimit({ maxOutputTokens }: ChatRequest, warnings: Warning[]): JsonObject {
  if (maxOutputTokens === undefined) return {};
  if (maxOutputTokens >= outputTokensMin) return { max_output_tokens: maxOutputTokens };
  warnings.push(approximated('max_tokens', `The Responses API takes at least ${outputTokensMin}.`));
  return { max_output_tokens: outputTokensMin };
}

function renderText({ output, extra }: ChatRequest): JsonObject {
  const text = {
    ...renderFormat(output),
    ...(extra.verbosity === undefined ? {} : { verbosity: extra.verbosity }),
  };
  return Object.keys(text).length > 0 ? { text } : {};
}

function renderFormat(output: ChatRequest['output']): JsonObject {
  switch (output?.type) {
    case undefined:
      return {};
    case 'text':
      return { format: { type: 'text' } };
    case 'json':
      return { format: { type: 'json_object' } };
    case 'json-schema': {
      const { name, schema, strict, description } = output;
      const options = { ...(strict === undefined ? {} : { strict }), ...(description === undefined ? {} : { description }) };
      return { format: { type: 'json_schema', name, schema, ...options } };
    }
  }
}
