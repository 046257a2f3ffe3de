/** Renders a ChatRequest as the body of a Converse call. Parameters of one vendor's models go into additionalModelRequestFields. */
import type { ChatRequest, Tool } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { altered, approximated, dropped, type RenderedRequest, type Warning } from '../../core/chat/provider.ts';
import type { Turn } from '../../core/chat/turns.ts';
import { type ModelTraits, traitsOf } from '../anthropic/model.ts';
import { narrowSchema } from '../anthropic/schema.ts';
import { renderThinking } from '../anthropic/thinking.ts';
import { cachePoint, renderMessages } from './messages.ts';

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const traits = model.includes('claude') ? traitsOf(model) : undefined;
  const { system, turns } = renderMessages(request.messages, warnings);
  const { format, instruction } = renderOutput(request, traits, warnings);
  const prompt = instruction === undefined ? system : [...system, { text: instruction }];
  const reasoning = renderReasoning(request, model, traits, turns, warnings);
  const inference = renderInference(request, traits, 'thinking' in reasoning, warnings);
  const more = { ...reasoning, ...renderTopK(request, traits, 'thinking' in reasoning, warnings) };
  const tools = renderTools(request, turns, traits, warnings);
  const tier = renderTier(request, warnings);
  const body = {
    messages: turns,
    ...(prompt.length > 0 ? { system: prompt } : {}),
    ...(Object.keys(inference).length > 0 ? { inferenceConfig: inference } : {}),
    ...(tools ? { toolConfig: tools } : {}),
    ...(Object.keys(more).length > 0 ? { additionalModelRequestFields: more } : {}),
    ...(format ? { outputConfig: { textFormat: format } } : {}),
    ...(request.metadata === undefined ? {} : { requestMetadata: request.metadata }),
    ...tier,
  };
  warnings.push(...unsupportedWarnings(request));
  const path = `/model/${encodeURIComponent(model)}/${request.stream ? 'converse-stream' : 'converse'}`;
  return { path, body: JSON.stringify(body), warnings };
}

function renderInference(request: ChatRequest, traits: ModelTraits | undefined, isThinking: boolean, warnings: Warning[]): JsonObject {
  const { maxOutputTokens, stop, temperature, topP } = request;
  const sent: Record<string, Json> = {};
  const most = traits?.outputTokensMax;
  if (maxOutputTokens !== undefined) {
    sent.maxTokens = most === undefined ? maxOutputTokens : Math.min(most, maxOutputTokens);
    if (most !== undefined && maxOutputTokens > most) warnings.push(approximated('max_tokens', `This model gives at most ${most}.`));
  }
  for (const [field, name, value] of [
    ['temperature', 'temperature', temperature],
    ['top_p', 'topP', topP],
  ] as const) {
    if (value === undefined) continue;
    if (traits && !traits.sampling) warnings.push(dropped(field, 'This model takes no sampling parameters.'));
    else if (isThinking) warnings.push(dropped(field, 'Not allowed together with reasoning.'));
    else if (name === 'topP' && traits && !traits.samplingTogether && 'temperature' in sent) {
      warnings.push(dropped(field, 'This model takes temperature or top_p, not both.'));
    } else if (name === 'temperature' && value > 1) {
      warnings.push(approximated(field, 'Bedrock takes at most 1.'));
      sent[name] = 1;
    } else sent[name] = value;
  }
  const sequences = stop.filter(sequence => !traits || sequence.trim() !== '');
  if (sequences.length < stop.length) warnings.push(dropped('stop', 'This model takes no stop sequence of white space only.'));
  return { ...sent, ...(sequences.length > 0 ? { stopSequences: sequences } : {}) };
}

function renderTopK({ topK }: ChatRequest, traits: ModelTraits | undefined, isThinking: boolean, warnings: Warning[]): JsonObject {
  if (topK === undefined) return {};
  if (traits?.sampling && !isThinking) return { top_k: topK };
  warnings.push(dropped('top_k', 'This model takes none here.'));
  return {};
}

/** Claude reasons as it does at Anthropic; of the other models, OpenAI's open ones accept an effort. */
function renderReasoning(
  request: ChatRequest,
  model: string,
  traits: ModelTraits | undefined,
  turns: readonly Turn[],
  warnings: Warning[],
): JsonObject {
  const { reasoning } = request;
  if (reasoning?.effort === undefined && reasoning?.budgetTokens === undefined) return {};
  if (traits) {
    const typed = turns.map(({ role, content }) => ({ role, content: content.map(block => ({ type: typeOf(block) })) }));
    const { thinking, effort } = renderThinking(
      request,
      traits,
      request.maxOutputTokens ?? traits.outputTokensMax ?? 4_096,
      typed,
      warnings,
    );
    return { ...(thinking ? { thinking } : {}), ...(effort === undefined ? {} : { output_config: { effort } }) };
  }
  const off = reasoning.effort === 'none' || reasoning.budgetTokens === 0;
  const field = reasoning.effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
  if (!model.includes('gpt-oss')) {
    if (!off) warnings.push(dropped(field, 'This model has no parameter here for how much it reasons.'));
    return {};
  }
  const fields =
    reasoning.effort === 'low' || reasoning.effort === 'medium' ? reasoning.effort : off || reasoning.effort === 'minimal' ? 'low' : 'high';
  if (fields !== reasoning.effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${fields}.`));
  return { reasoning_effort: fields };
}

/** The block's type in Anthropic's format, whose rules for thinking apply. */
function typeOf(block: JsonObject): string {
  if (block.toolResult !== undefined) return 'tool_result';
  return block.reasoningContent === undefined ? 'text' : 'thinking';
}

interface Output {
  readonly format?: JsonObject;
  readonly instruction?: string;
}

const jsonOnlyInstruction = 'Answer with one JSON object and nothing else: no prose around it, no code fence.';

function renderOutput({ output }: ChatRequest, traits: ModelTraits | undefined, warnings: Warning[]): Output {
  if (output === undefined || output.type === 'text') return {};
  if (output.type === 'json') {
    warnings.push(altered('response_format', 'Bedrock has no JSON mode without a schema; the system prompt asks for JSON.'));
    return { instruction: jsonOnlyInstruction };
  }
  const { name, description, schema } = output;
  const narrowed = traits?.schema ? narrowSchema(schema) : undefined;
  if (narrowed) {
    if (narrowed.lost.length > 0) {
      const keywords = narrowed.lost.slice(0, 10).join(', ').slice(0, 200);
      warnings.push(altered('response_format.json_schema.schema', `Not enforced, but described to the model: ${keywords}.`));
    }
    const format = { name, ...(description === undefined ? {} : { description }), schema: JSON.stringify(narrowed.schema) };
    return { format: { type: 'json_schema', structure: { jsonSchema: format } } };
  }
  warnings.push(altered('response_format', 'This schema is not enforced by this model here; the system prompt asks for it.'));
  const about = description === undefined ? '' : ` (${description})`;
  return { instruction: `${jsonOnlyInstruction} It must match this JSON Schema, ${name}${about}:\n${JSON.stringify(schema)}` };
}

function renderTools(
  request: ChatRequest,
  turns: readonly Turn[],
  traits: ModelTraits | undefined,
  warnings: Warning[],
): JsonObject | undefined {
  const called = turns.flatMap(turn => turn.content.flatMap(block => toolNamesIn(block)));
  const { tools, toolChoice = { type: 'auto' } } = request;
  const none = toolChoice.type === 'none' && tools.length > 0;
  if (none && called.length === 0) {
    const reason = 'Bedrock cannot be kept from calling tools; the tools were not sent.';
    warnings.push(...tools.map((_, index) => approximated(`tools[${index}]`, reason)), approximated('tool_choice', reason));
    return undefined;
  }
  if (none)
    warnings.push(altered('tool_choice', 'Bedrock cannot be kept from calling tools while the conversation has calls; it may call one.'));
  if (tools.length === 0 && called.length === 0) return undefined;
  if (request.parallelToolCalls === false) {
    warnings.push(dropped('parallel_tool_calls', 'Bedrock has no parameter for parallel tool calls.'));
  }
  // Calls in the conversation require their tools to be declared, even after their removal.
  const removedTools = tools.length > 0 ? [] : [...new Set(called)].map((name): Tool => ({ name }));
  const specs = [...tools, ...removedTools].flatMap((tool, index) => renderTool(tool, `tools[${index}]`, warnings));
  const choice = renderChoice(request, traits, warnings);
  return { tools: specs, ...(choice ? { toolChoice: choice } : {}) };
}

const toolNamesIn = ({ toolUse }: JsonObject): readonly string[] =>
  typeof toolUse === 'object' && toolUse !== null && 'name' in toolUse && typeof toolUse.name === 'string' ? [toolUse.name] : [];

function renderTool(tool: Tool, path: string, warnings: Warning[]): readonly JsonObject[] {
  if (tool.strict) warnings.push(dropped(`${path}.function.strict`, 'Bedrock does not enforce the schema of a call.'));
  const schema = { type: 'object', properties: {}, ...tool.parameters };
  const described = tool.description === undefined ? {} : { description: tool.description };
  return [{ toolSpec: { name: tool.name, ...described, inputSchema: { json: schema } } }, ...(tool.cache ? [cachePoint(tool.cache)] : [])];
}

function renderChoice({ toolChoice }: ChatRequest, traits: ModelTraits | undefined, warnings: Warning[]): JsonObject | undefined {
  if (toolChoice?.type !== 'required' && toolChoice?.type !== 'tool') return undefined;
  if (!traits || traits.forcedTools) return toolChoice.type === 'tool' ? { tool: { name: toolChoice.name } } : { any: {} };
  warnings.push(approximated('tool_choice', 'This model cannot be forced to call a tool; it may call one.'));
  return undefined;
}

function renderTier({ serviceTier }: ChatRequest, warnings: Warning[]): JsonObject {
  if (serviceTier === undefined || serviceTier === 'auto') return {};
  if (['default', 'priority', 'flex', 'reserved'].includes(serviceTier)) return { serviceTier: { type: serviceTier } };
  warnings.push(dropped('service_tier', 'Bedrock has no such tier.'));
  return {};
}

/** Warnings for fields that this wire format does not support. */
function unsupportedWarnings(request: ChatRequest): readonly Warning[] {
  const nowhere: Readonly<Record<string, boolean>> = {
    seed: request.seed !== undefined,
    n: request.choices !== undefined && request.choices !== 1,
    logprobs: request.logprobs !== undefined,
    frequency_penalty: Boolean(request.frequencyPenalty),
    presence_penalty: Boolean(request.presencePenalty),
    user: request.user !== undefined,
  };
  return [
    ...Object.keys(nowhere)
      .filter(field => nowhere[field])
      .map(field => dropped(field, `Bedrock has no equivalent of ${field}.`)),
    ...Object.keys(request.extra).map(field => dropped(field, 'Belongs to another wire format.')),
  ];
}
