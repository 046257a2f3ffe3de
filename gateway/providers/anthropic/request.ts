/** Renders a ChatRequest as the body of POST /v1/messages. */
import type { ChatRequest, Tool } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { altered, approximated, dropped, type RenderedRequest, type Warning, withDescription } from '../../core/chat/provider.ts';
import { renderCache, renderMessages } from './messages.ts';
import { type ModelTraits, traitsOf } from './model.ts';
import { narrowSchema } from './schema.ts';
import { renderThinking } from './thinking.ts';

/** For models of unknown limit; every model of this format allows as much. */
const maxTokensDefault = 4_096;

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const traits = traitsOf(model);
  const { system, turns } = renderMessages(request.messages, warnings);
  const maxTokens = renderMaxTokens(request, traits, warnings);
  const { thinking, effort } = renderThinking(request, traits, maxTokens, turns, warnings);
  const { format, instruction } = renderOutput(request, traits, warnings);
  const prompt = instruction === undefined ? system : [...system, { type: 'text', text: instruction }];
  const config = { ...(effort === undefined ? {} : { effort }), ...(format ? { format } : {}) };
  const isThinking = thinking?.type === 'enabled' || thinking?.type === 'adaptive';
  const body = {
    model,
    max_tokens: maxTokens,
    ...(prompt.length > 0 ? { system: prompt } : {}),
    messages: turns,
    ...renderTools(request, traits, warnings),
    ...renderSampling(request, traits, isThinking, warnings),
    ...renderStop(request, warnings),
    ...(thinking ? { thinking } : {}),
    ...(Object.keys(config).length > 0 ? { output_config: config } : {}),
    ...(request.user === undefined ? {} : { metadata: { user_id: request.user } }),
    ...renderServiceTier(request, warnings),
    ...(request.stream ? { stream: true } : {}),
  };
  warnings.push(...unsupportedWarnings(request));
  return { path: '/v1/messages', body: JSON.stringify(body), warnings };
}

/** Anthropic requires a limit. Without one from the caller, the model's own maximum is sent. */
function renderMaxTokens(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): number {
  const most = traits.outputTokensMax;
  const requested = request.maxOutputTokens;
  if (requested === undefined) {
    const chosen = most ?? maxTokensDefault;
    warnings.push(approximated('max_tokens', `Anthropic requires a limit; ${chosen} was sent.`));
    return chosen;
  }
  if (most === undefined || requested <= most) return requested;
  warnings.push(approximated('max_tokens', `This model gives at most ${most}.`));
  return most;
}

interface Output {
  readonly format?: JsonObject;
  /** Appended to the system prompt where the format cannot be enforced. */
  readonly instruction?: string;
}

const jsonOnlyInstruction = 'Answer with one JSON object and nothing else: no prose around it, no code fence.';

function renderOutput({ output }: ChatRequest, traits: ModelTraits, warnings: Warning[]): Output {
  if (output === undefined || output.type === 'text') return {};
  if (output.type === 'json') {
    warnings.push(altered('response_format', 'Anthropic has no JSON mode without a schema; the system prompt asks for JSON.'));
    return { instruction: jsonOnlyInstruction };
  }
  const narrowed = traits.schema ? narrowSchema(output.schema) : undefined;
  if (narrowed) {
    if (narrowed.lost.length > 0) {
      const keywords = narrowed.lost.slice(0, 10).join(', ').slice(0, 200);
      warnings.push(altered('response_format.json_schema.schema', `Not enforced, but described to the model: ${keywords}.`));
    }
    return { format: { type: 'json_schema', schema: withDescription(narrowed.schema, output.description) } };
  }
  const reason = traits.schema ? 'Anthropic cannot enforce this schema' : 'This model enforces no schema';
  warnings.push(altered('response_format', `${reason}; the system prompt asks for it.`));
  const about = output.description === undefined ? '' : ` (${output.description})`;
  return {
    instruction: `${jsonOnlyInstruction} It must match this JSON Schema, ${output.name}${about}:\n${JSON.stringify(output.schema)}`,
  };
}

function renderTools(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (request.tools.length === 0) return {};
  const tools = request.tools.map((tool, index) => renderTool(tool, `tools[${index}]`, traits, warnings));
  const choice = renderToolChoice(request, traits, warnings);
  return { tools, ...(choice ? { tool_choice: choice } : {}) };
}

function renderTool(tool: Tool, path: string, traits: ModelTraits, warnings: Warning[]): JsonObject {
  const parameters: JsonObject = { type: 'object', properties: {}, ...tool.parameters };
  if (tool.form?.deferred) warnings.push(approximated(tool.form.path, 'Sent at once: what a search found is not known here.'));
  const strict = tool.strict && traits.schema ? narrowSchema(parameters) : undefined;
  if (tool.strict && !strict) warnings.push(dropped(`${path}.function.strict`, 'This schema cannot be enforced here.'));
  if (strict && strict.lost.length > 0) {
    const keywords = strict.lost.slice(0, 10).join(', ').slice(0, 200);
    warnings.push(altered(`${path}.function.parameters`, `Not enforced, but described to the model: ${keywords}.`));
  }
  return {
    name: tool.name,
    ...(tool.description === undefined ? {} : { description: tool.description }),
    input_schema: strict?.schema ?? parameters,
    ...(strict ? { strict: true } : {}),
    ...renderCache(tool.cache),
  };
}

function renderToolChoice(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject | undefined {
  const { toolChoice = { type: 'auto' } } = request;
  if (toolChoice.type === 'none') return { type: 'none' };
  const single = request.parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  if (toolChoice.type !== 'auto' && traits.forcedTools) {
    return toolChoice.type === 'tool' ? { type: 'tool', name: toolChoice.name, ...single } : { type: 'any', ...single };
  }
  if (toolChoice.type !== 'auto') warnings.push(altered('tool_choice', 'This model cannot be forced to call a tool; it may call one.'));
  return request.parallelToolCalls === false ? { type: 'auto', ...single } : undefined;
}

function renderSampling(request: ChatRequest, traits: ModelTraits, isThinking: boolean, warnings: Warning[]): JsonObject {
  const sampling = { temperature: request.temperature, top_p: request.topP, top_k: request.topK };
  const sent: Record<string, Json> = {};
  for (const [field, value] of Object.entries(sampling)) {
    if (value === undefined) continue;
    if (!traits.sampling) warnings.push(dropped(field, 'This model takes no sampling parameters.'));
    else if (isThinking) warnings.push(dropped(field, 'Not allowed together with reasoning.'));
    else if (field === 'top_p' && 'temperature' in sent && !traits.samplingTogether) {
      warnings.push(dropped('top_p', 'Anthropic takes temperature or top_p, not both.'));
    } else if (field === 'temperature' && value > 1) {
      warnings.push(altered('temperature', 'Anthropic takes at most 1.'));
      sent.temperature = 1;
    } else sent[field] = value;
  }
  return sent;
}

/** Anthropic refuses stop sequences of white space, such as a blank line. */
function renderStop(request: ChatRequest, warnings: Warning[]): JsonObject {
  const sequences = request.stop.filter(sequence => sequence.trim() !== '');
  if (sequences.length < request.stop.length) warnings.push(dropped('stop', 'Anthropic takes no stop sequence of white space only.'));
  return sequences.length > 0 ? { stop_sequences: sequences } : {};
}

function renderServiceTier({ serviceTier }: ChatRequest, warnings: Warning[]): JsonObject {
  switch (serviceTier) {
    case undefined:
      return {};
    case 'auto':
    case 'standard_only':
      return { service_tier: serviceTier };
    case 'default':
      return { service_tier: 'standard_only' };
    case 'priority':
      warnings.push(approximated('service_tier', 'Sent as auto: priority where the account has it.'));
      return { service_tier: 'auto' };
    default:
      warnings.push(dropped('service_tier', 'Anthropic has no such tier.'));
      return {};
  }
}

/** Warnings for fields that this wire format does not support. */
function unsupportedWarnings(request: ChatRequest): Warning[] {
  const nowhere: Readonly<Record<string, boolean>> = {
    seed: request.seed !== undefined,
    n: request.choices !== undefined && request.choices !== 1,
    logprobs: request.logprobs !== undefined,
    frequency_penalty: Boolean(request.frequencyPenalty),
    presence_penalty: Boolean(request.presencePenalty),
    metadata: request.metadata !== undefined,
  };
  const known = Object.keys(nowhere).filter(field => nowhere[field]);
  return [
    ...known.map(field => dropped(field, `Anthropic has no equivalent of ${field}.`)),
    ...Object.keys(request.extra).map(field => dropped(field, 'Belongs to another wire format.')),
  ];
}
