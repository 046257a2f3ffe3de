/** The token counters of providers that have one: endpoints that count a request's input and cost nothing. */
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { TokenCounterApi } from '../../core/chat/provider.ts';

const bodyOf = (text: string): JsonObject => {
  const body = parseJson(text);
  return isObject(body) ? body : {};
};

/** The body with the members that the counter takes. */
const pick = (body: JsonObject, members: readonly string[]): JsonObject =>
  Object.fromEntries(members.flatMap(member => (Object.hasOwn(body, member) ? [[member, body[member]!] as const] : [])));

const countIn =
  (member: string) =>
  (body: Json): number | undefined => {
    const count = isObject(body) ? body[member] : undefined;
    return typeof count === 'number' && count >= 0 ? count : undefined;
  };

const anthropicMembers = [
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'mcp_servers',
  'context_management',
];

/** POST /v1/messages/count_tokens. */
export const anthropicCounter: TokenCounterApi = {
  render: ({ path, body }) => ({ path: `${path}/count_tokens`, body: JSON.stringify(pick(bodyOf(body), anthropicMembers)) }),
  read: countIn('input_tokens'),
};

const responsesMembers = [
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'previous_response_id',
  'truncation',
];

/** POST /responses/input_tokens. */
export const responsesCounter: TokenCounterApi = {
  render: ({ path, body }) => ({ path: `${path}/input_tokens`, body: JSON.stringify(pick(bodyOf(body), responsesMembers)) }),
  read: countIn('input_tokens'),
};

/** models/{model}:countTokens; the whole request is inside. */
export const geminiCounter: TokenCounterApi = {
  render: ({ path, body }, model) => ({
    path: path.replace(/:(?:streamGenerateContent\?alt=sse|generateContent)$/, ':countTokens'),
    body: JSON.stringify({ generateContentRequest: { model: model.includes('/') ? model : `models/${model}`, ...bodyOf(body) } }),
  }),
  read: countIn('totalTokens'),
};

/** Vertex takes the request's members at the top. */
export const vertexCounter: TokenCounterApi = {
  ...geminiCounter,
  render: ({ path, body }) => ({
    path: path.replace(/:(?:streamGenerateContent\?alt=sse|generateContent)$/, ':countTokens'),
    body: JSON.stringify(pick(bodyOf(body), ['contents', 'systemInstruction', 'tools', 'generationConfig'])),
  }),
};

/** POST /model/{model}/count-tokens. */
export const bedrockCounter: TokenCounterApi = {
  render: ({ path, body }) => ({
    path: path.replace(/converse(?:-stream)?$/, 'count-tokens'),
    body: JSON.stringify({ input: { converse: pick(bodyOf(body), ['messages', 'system', 'toolConfig', 'additionalModelRequestFields']) } }),
  }),
  read: countIn('inputTokens'),
};
