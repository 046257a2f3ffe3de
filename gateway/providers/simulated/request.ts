/** Parses a chat completion request, as far as the simulation uses it. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { listOf, objectOf, text } from '../openai/parsing/reading.ts';

export interface SimulatedRequest {
  /** Determined by the conversation, the tools and the output format alone. */
  readonly seed: string;
  readonly inputTokens: number;
  /** The last user message. */
  readonly prompt: string;
  /** The tool results at the end of the conversation. */
  readonly results: readonly ToolResult[];
  readonly tools: readonly Tool[];
  /** `auto`, `none`, `required`, or the name of the tool to call. */
  readonly toolChoice: 'auto' | 'none' | 'required' | { readonly name: string };
  readonly parallelCalls: boolean;
  readonly output: 'text' | 'json' | { readonly schema: Json };
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  readonly tokensMax: number | undefined;
  readonly stop: readonly string[];
  /** The number of alternatives per token; undefined without log-probabilities. */
  readonly top: number | undefined;
}

export interface Tool {
  readonly name: string;
  readonly parameters: Json;
}

export interface ToolResult {
  readonly name: string;
  readonly text: string;
}

/** A request that OpenAI would answer with 400. */
export interface RequestProblem {
  readonly message: string;
  readonly param: string | null;
}

const choicesMax = 128;
const topMax = 20;
const schemaLengthMax = 200_000;
const charactersPerToken = 4;
const tokensPerMessage = 3;
const tokensPerMedium = 85;

/** The parts of a chat completion request that the simulation uses, or the first invalid member. */
export function parseSimulatedRequest(body: string): SimulatedRequest | RequestProblem {
  const request = parseJson(body);
  if (!isObject(request)) return { message: 'The body is no JSON object.', param: null };
  const messages = listOf(request.messages);
  if (messages.length === 0) return { message: "'messages' must hold at least one message.", param: 'messages' };
  const { n = 1 } = request;
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1 || n > choicesMax) {
    return { message: `'n' must be a whole number from 1 to ${choicesMax}.`, param: 'n' };
  }
  const tools = listOf(request.tools).flatMap(toolOf);
  const output = outputOf(request.response_format);
  const schemaText = JSON.stringify([tools, output]);
  if (schemaText.length > schemaLengthMax) {
    return {
      message: `Schemas may be ${schemaLengthMax} characters long together.`,
      param: tools.length > 0 ? 'tools' : 'response_format',
    };
  }
  return {
    ...conversationOf(messages, schemaText, seedOf(request.seed)),
    tools,
    toolChoice: toolChoiceOf(request.tool_choice),
    parallelCalls: request.parallel_tool_calls !== false,
    output,
    stream: request.stream === true,
    includeUsage: objectOf(request.stream_options).include_usage === true,
    choices: n,
    tokensMax: limitOf(request.max_completion_tokens) || limitOf(request.max_tokens) || undefined,
    stop: (Array.isArray(request.stop) ? (request.stop as readonly Json[]) : [request.stop]).map(text).filter(stop => stop !== ''),
    top: request.logprobs === true ? Math.min(topMax, limitOf(request.top_logprobs) ?? 0) : undefined,
  };
}

/** Whether parsing found a problem. */
export const isRefusal = (parsed: SimulatedRequest | RequestProblem): parsed is RequestProblem => 'message' in parsed;

function conversationOf(
  messages: readonly JsonObject[],
  schemaText: string,
  seed: string,
): Pick<SimulatedRequest, 'seed' | 'inputTokens' | 'prompt' | 'results'> {
  const turns = messages.map(turnOf);
  const seedText = [schemaText, seed, ...turns.map(turn => `${turn.role}\n${turn.text}`)].join('\u0000');
  const afterLast = turns.findLastIndex(turn => turn.role !== 'tool') + 1;
  const names = new Map(
    messages.flatMap(message => listOf(message.tool_calls)).map(call => [text(call.id), text(objectOf(call.function).name)]),
  );
  return {
    // Two halves, because one number distinguishes only four thousand million conversations.
    seed: [seededUniform('first', seedText), seededUniform('second', seedText)]
      .map(half => Math.floor(half * 2 ** 32).toString(36))
      .join(''),
    inputTokens: turns.reduce((sum, turn) => sum + turn.tokens, Math.ceil(schemaText.length / charactersPerToken)),
    prompt: turns.findLast(turn => turn.role === 'user')?.text ?? '',
    results: turns
      .slice(afterLast)
      .map((turn, i) => ({ name: names.get(text(messages[afterLast + i]!.tool_call_id)) ?? 'the tool', text: turn.text })),
  };
}

interface Turn {
  readonly role: string;
  readonly text: string;
  readonly tokens: number;
}

/** The same turn for equivalent forms: a text or a list of texts, and any call ids. */
function turnOf(message: JsonObject): Turn {
  const parts = listOf(message.content);
  const media = parts.filter(part => !('text' in part) && part.type !== 'refusal');
  const contentText =
    typeof message.content === 'string' ? message.content : parts.map(part => text(part.text) || text(part.refusal)).join('');
  const calls = listOf(message.tool_calls).map(call => {
    const { name, arguments: argumentsText } = objectOf(call.function);
    return `${text(name)}(${text(argumentsText)})`;
  });
  const role = text(message.role);
  const fullText = [contentText, ...calls, ...media.map(part => JSON.stringify(part))].filter(part => part !== '').join('\n');
  return {
    role: role === 'developer' ? 'system' : role,
    text: fullText,
    tokens:
      tokensPerMessage + tokensPerMedium * media.length + Math.ceil((contentText.length + calls.join('').length) / charactersPerToken),
  };
}

function toolOf(tool: JsonObject): readonly Tool[] {
  const { name, parameters } = objectOf(tool.function);
  return typeof name === 'string' ? [{ name, parameters: parameters ?? { type: 'object', properties: {} } }] : [];
}

function toolChoiceOf(choice: Json | undefined): SimulatedRequest['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  const name = objectOf(objectOf(choice).function).name;
  return typeof name === 'string' ? { name } : 'auto';
}

function outputOf(format: Json | undefined): SimulatedRequest['output'] {
  const { type, json_schema: jsonSchema } = objectOf(format);
  if (type === 'json_schema') return { schema: objectOf(jsonSchema).schema ?? true };
  return type === 'json_object' ? 'json' : 'text';
}

const seedOf = (seed: Json | undefined): string => (typeof seed === 'number' ? String(seed) : '');
const limitOf = (limit: Json | undefined): number | undefined =>
  typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 ? limit : undefined;
