/** Renders a ChatRequest as the body of POST /chat/completions. */
import type { ChatRequest, Tool } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type RenderedRequest, type Warning } from '../../core/chat/provider.ts';
import { renderMessages } from './messages.ts';
import { type ModelTraits, traitsOf } from './model.ts';
import { renderSampling } from './sampling.ts';

/** Path, body and warnings of a chat completion request for this model. */
export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const body = renderBody(request, model, traitsOf(model), warnings);
  return { path, body: JSON.stringify(body), warnings };
}

export const path = '/chat/completions';

/** The body as an object; features that the model lacks are left out with a warning. */
export function renderBody(request: ChatRequest, model: string, traits: ModelTraits, warnings: Warning[]): JsonObject {
  return {
    ...request.extra,
    model,
    messages: renderMessages(request.messages, traits, warnings),
    ...renderTools(request, traits, warnings),
    ...renderSampling(request, traits, warnings),
    ...(request.maxOutputTokens === undefined ? {} : { [traits.limitField]: request.maxOutputTokens }),
    ...renderOutput(request),
    ...(request.user === undefined ? {} : { user: request.user }),
    ...renderMetadata(request, traits, warnings),
    ...renderServiceTier(request, traits, warnings),
    ...renderStream(request),
  };
}

/** Usage is always requested, because a stream without it has no cost. */
function renderStream({ stream, extra }: ChatRequest): JsonObject {
  if (!stream) return {};
  return { stream: true, stream_options: { ...(isObject(extra.stream_options) ? extra.stream_options : {}), include_usage: true } };
}

/** Without tools, OpenAI refuses a tool choice and parallel calls. */
function renderTools(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (request.tools.length === 0) return {};
  const { parallelToolCalls: parallel } = request;
  if (parallel === false && !traits.parallelToolCalls) {
    warnings.push(dropped('parallel_tool_calls', 'This model has no parameter for parallel tool calls.'));
  }
  return {
    tools: request.tools.map(renderTool),
    ...renderToolChoice(request),
    ...(parallel === undefined || !traits.parallelToolCalls ? {} : { parallel_tool_calls: parallel }),
  };
}

function renderTool({ name, description, parameters, strict, form }: Tool): JsonObject {
  const described = { name, ...(description === undefined ? {} : { description }) };
  if (form?.type === 'freeform') return { type: 'custom', custom: { ...described, ...renderFormat(form.format) } };
  return {
    type: 'function',
    function: {
      ...described,
      ...(parameters === undefined ? {} : { parameters }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

/** A grammar has a member of its own here. */
function renderFormat(format: JsonObject | undefined): JsonObject {
  if (!format) return {};
  if (format.type !== 'grammar') return { format };
  const { type, ...grammar } = format;
  return { format: { type, grammar } };
}

function renderToolChoice({ toolChoice, tools }: ChatRequest): JsonObject {
  if (toolChoice === undefined) return {};
  if (toolChoice.type !== 'tool') return { tool_choice: toolChoice.type };
  const { name } = toolChoice;
  const isFreeform = tools.some(tool => tool.name === name && tool.form?.type === 'freeform');
  return { tool_choice: isFreeform ? { type: 'custom', custom: { name } } : { type: 'function', function: { name } } };
}

function renderOutput({ output }: ChatRequest): JsonObject {
  switch (output?.type) {
    case undefined:
      return {};
    case 'text':
      return { response_format: { type: 'text' } };
    case 'json':
      return { response_format: { type: 'json_object' } };
    case 'json-schema': {
      const { name, schema, strict, description } = output;
      const options = { ...(strict === undefined ? {} : { strict }), ...(description === undefined ? {} : { description }) };
      return { response_format: { type: 'json_schema', json_schema: { name, schema, ...options } } };
    }
  }
}

/** OpenAI refuses metadata without `store`, and only the caller may request storing. */
function renderMetadata({ metadata, extra }: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (metadata === undefined) return {};
  if (!traits.isOpenAi || extra.store === true) return { metadata };
  warnings.push(dropped('metadata', 'OpenAI takes metadata only for answers that it stores, with `store: true`.'));
  return {};
}

const knownTiers: readonly Json[] = ['auto', 'default', 'flex', 'scale', 'priority', 'fast'];

/** The member `service_tier`; {} with a warning for a tier that OpenAI does not know. */
export function renderServiceTier({ serviceTier }: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (serviceTier === undefined) return {};
  if (!traits.isOpenAi || knownTiers.includes(serviceTier)) return { service_tier: serviceTier };
  if (serviceTier === 'standard' || serviceTier === 'standard_only') {
    warnings.push(approximated('service_tier', 'OpenAI calls this tier default.'));
    return { service_tier: 'default' };
  }
  warnings.push(dropped('service_tier', 'OpenAI has no such tier.'));
  return {};
}
