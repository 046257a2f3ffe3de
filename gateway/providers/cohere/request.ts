/** Renders a ChatRequest as the body of POST /v2/chat: like chat completions, with other names and fewer parameters. */
import type { ChatRequest } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type RenderedRequest, type Warning } from '../../core/chat/provider.ts';
import { vendorModelTraits } from '../openai/model.ts';
import { listOf, objectOf, text } from '../openai/parsing/reading.ts';
import { renderBody } from '../openai/request.ts';
import { budgetOf } from '../openai/thinking.ts';
import { dropUnsupportedContent } from '../openai/unsupported-content.ts';

const renamedMembers: Readonly<Record<string, string>> = { top_p: 'p', top_k: 'k', stop: 'stop_sequences' };
const unchangedMembers = new Set(['model', 'stream', 'max_tokens', 'temperature', 'seed', 'frequency_penalty', 'presence_penalty']);
const stopSequencesMax = 5;

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const rendering: Warning[] = [];
  const { reasoning: _, ...rest } = request;
  const taken = dropUnsupportedContent(request.messages, { vendor: 'Cohere', document: false, audio: false, detail: true }, warnings);
  const body = renderBody({ ...rest, messages: taken.messages }, model, { ...vendorModelTraits(model), acceptsReasoning: true }, rendering);
  warnings.push(...taken.withOriginalPaths(rendering));
  const { messages, tools, tool_choice: choice, response_format: format, logprobs, stream_options: __, ...members } = body;
  const sent: Record<string, Json> = {};
  for (const [field, value] of Object.entries(members)) {
    if (unchangedMembers.has(field)) sent[field] = value;
    else if (renamedMembers[field] !== undefined) sent[renamedMembers[field]] = value;
    else if (!isDefault(field, value)) warnings.push(dropped(field, 'Cohere has no equivalent.'));
  }
  const wireBody = {
    ...sent,
    messages: listOf(messages).map(renderMessage),
    ...renderStop(sent, warnings),
    ...renderTools(tools, choice, warnings),
    ...renderFormat(format, warnings),
    ...(logprobs === true ? { logprobs: true } : {}),
    ...renderThinking(request, warnings),
  };
  return { path: '/v2/chat', body: JSON.stringify(wireBody), warnings };
}

const isDefault = (field: string, value: Json): boolean =>
  (field === 'n' && value === 1) || (field === 'parallel_tool_calls' && value === true);

/** Reasoning before a tool call is sent as its `tool_plan`. */
function renderMessage({ reasoning_content: thought, content, ...message }: JsonObject): JsonObject {
  const calls = message.tool_calls !== undefined;
  if (thought === undefined) return { ...message, ...(content === null ? {} : { content: content! }) };
  if (calls) return { ...message, tool_plan: thought, ...(content === null || content === '' ? {} : { content: content! }) };
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content);
  return { ...message, content: [{ type: 'thinking', thinking: thought }, ...parts] };
}

function renderStop({ stop_sequences: stop }: JsonObject, warnings: Warning[]): JsonObject {
  if (!Array.isArray(stop) || stop.length <= stopSequencesMax) return {};
  warnings.push(dropped('stop', `Cohere takes ${stopSequencesMax} stop sequences; the rest were left out.`));
  return { stop_sequences: stop.slice(0, stopSequencesMax) };
}

function renderTools(tools: Json | undefined, choice: Json | undefined, warnings: Warning[]): JsonObject {
  if (!Array.isArray(tools)) return {};
  const strict = listOf(tools).some(tool => objectOf(tool.function).strict === true);
  const chosen = isObject(choice) ? text(objectOf(choice.function).name) : '';
  if (chosen !== '') warnings.push(approximated('tool_choice', 'Cohere can force a tool call, but not of a named tool.'));
  const word = chosen !== '' || choice === 'required' ? 'REQUIRED' : choice === 'none' ? 'NONE' : undefined;
  return {
    tools: listOf(tools).map(({ function: called, ...tool }): JsonObject => {
      const { strict: _, ...plain } = objectOf(called);
      return { ...tool, function: { parameters: { type: 'object', properties: {} }, ...plain } };
    }),
    ...(word === undefined ? {} : { tool_choice: word }),
    ...(strict ? { strict_tools: true } : {}),
  };
}

function renderFormat(format: Json | undefined, warnings: Warning[]): JsonObject {
  if (!isObject(format) || format.type === 'text') return {};
  const { schema, description } = objectOf(format.json_schema);
  if (description !== undefined) warnings.push(dropped('response_format.json_schema.description', 'Cohere takes a schema alone.'));
  return { response_format: { type: 'json_object', ...(isObject(schema) ? { schema } : {}) } };
}

function renderThinking({ reasoning }: ChatRequest, warnings: Warning[]): JsonObject {
  if (reasoning?.effort === undefined && reasoning?.budgetTokens === undefined) return {};
  if (reasoning.effort === 'none' || reasoning.budgetTokens === 0) return { thinking: { type: 'disabled' } };
  const budget = reasoning.budgetTokens ?? budgetOf(reasoning.effort!);
  if (reasoning.budgetTokens === undefined)
    warnings.push(approximated('reasoning_effort', `Sent as a thinking budget of ${budget} tokens.`));
  return { thinking: { type: 'enabled', token_budget: budget } };
}
