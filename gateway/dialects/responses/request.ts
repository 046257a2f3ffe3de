/** Parses the body of POST /v1/responses as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest, OutputFormat, Reasoning } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { refuseHostParameters } from '../openai/forbidden-parameters.ts';
import { definedMembers, efforts, readMetadata, readModel, readModels } from '../openai/request.ts';
import {
  createRequestReader,
  isGiven,
  noteUnknownMembers,
  noteUnmapped,
  type RequestReader,
  readEnum,
  readFlag,
  readList,
  readNumber,
  readObject,
  readText,
  requireGiven,
  requireText,
} from '../openai/request-reader.ts';
import { readInput } from './input.ts';
import { readToolChoice, readTools } from './tools.ts';

/** They refer to the target's own store, or to a response that is fetched later. */
const statefulMembers = ['previous_response_id', 'conversation', 'prompt', 'background'];
/** Same name and meaning in chat completions. */
const sharedMembers = ['store', 'prompt_cache_key', 'prompt_cache_retention', 'safety_identifier'];
const knownMembers = [
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'stream',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_logprobs',
  'include',
  'text',
  'reasoning',
  'user',
  'metadata',
  'service_tier',
  // Padding of the stream, which this gateway's streams do not have.
  'stream_options',
  // Lists of models are handled by the gateway.
  'models',
  'fallbacks',
  ...statefulMembers,
  ...sharedMembers,
];

export function parseRequest(body: JsonObject): ChatRequest | FieldProblem {
  const reading = createRequestReader();
  refuseHostParameters(reading, body);
  readModels(reading, body);
  const { messages, messagePaths, bound, restated, tools: furtherTools } = readInput(reading, body);
  const text = readObject(reading, body.text, 'text') ?? {};
  noteUnknownMembers(reading, text, ['format', 'verbosity'], 'text');
  const request: ChatRequest = {
    model: readModel(reading, body),
    messages,
    messagePaths,
    tools: [...readTools(reading, body.tools, 'tools'), ...furtherTools],
    ...definedMembers({ toolChoice: readToolChoice(reading, body.tool_choice) }),
    ...definedMembers({ parallelToolCalls: readFlag(reading, body.parallel_tool_calls, 'parallel_tool_calls') }),
    stream: readFlag(reading, body.stream, 'stream') ?? false,
    stop: [],
    ...definedMembers({
      maxOutputTokens: readNumber(reading, body.max_output_tokens, 'max_output_tokens', { min: 1, max: 2 ** 31 - 1, integer: true }),
      temperature: readNumber(reading, body.temperature, 'temperature', { min: 0, max: 2 }),
      topP: readNumber(reading, body.top_p, 'top_p', { min: 0, max: 1 }),
      logprobs: readLogprobs(reading, body),
      output: readOutput(reading, text.format),
      reasoning: readReasoning(reading, body),
      user: readText(reading, body.user, 'user'),
      metadata: readMetadata(reading, body.metadata),
      serviceTier: readText(reading, body.service_tier, 'service_tier'),
    }),
    extra: readExtra(reading, body, text),
  };
  for (const member of Object.keys(body))
    if (!knownMembers.includes(member) && isMeaningful(member, body[member])) noteUnmapped(reading, member);
  if (reading.problem) return { problem: reading.problem };
  const all = [...statefulMembers.filter(member => isGiven(body[member]) && body[member] !== false), ...bound];
  return {
    ...request,
    ...(all.length > 0 ? { bound: all } : {}),
    ...(restated.length > 0 ? { restated } : {}),
    ...(reading.unmapped.length > 0 ? { unread: reading.unmapped } : {}),
  };
}

/** `truncation: disabled` is the behaviour of every target. */
const isMeaningful = (member: string, value: Json | undefined): boolean =>
  isGiven(value) && !(member === 'truncation' && value === 'disabled');

function readLogprobs(reading: RequestReader, body: JsonObject): ChatRequest['logprobs'] {
  const include = readList(reading, body.include, 'include') ?? [];
  for (const [index, item] of include.entries()) {
    const included = requireText(reading, item, `include[${index}]`);
    // Encrypted reasoning is always included.
    if (included !== logprobsIncluded && included !== 'reasoning.encrypted_content') noteUnmapped(reading, `include[${index}]`);
  }
  const top = readNumber(reading, body.top_logprobs, 'top_logprobs', { min: 0, max: 20, integer: true });
  return top || include.includes(logprobsIncluded) ? { top: top ?? 0 } : undefined;
}
const logprobsIncluded = 'message.output_text.logprobs';

function readOutput(reading: RequestReader, value: Json | undefined): OutputFormat | undefined {
  const format = readObject(reading, value, 'text.format');
  if (!format) return undefined;
  requireGiven(reading, format.type, 'text.format.type', 'text, json_object or json_schema');
  const type = readEnum(reading, format.type, 'text.format.type', ['text', 'json_object', 'json_schema']);
  if (type !== 'json_schema') return { type: type === 'json_object' ? 'json' : 'text' };
  noteUnknownMembers(reading, format, ['type', 'name', 'schema', 'strict', 'description'], 'text.format');
  requireGiven(reading, format.schema, 'text.format.schema', 'a JSON Schema');
  return {
    type: 'json-schema',
    name: requireText(reading, format.name, 'text.format.name'),
    schema: readObject(reading, format.schema, 'text.format.schema') ?? {},
    ...definedMembers({
      strict: readFlag(reading, format.strict, 'text.format.strict'),
      description: readText(reading, format.description, 'text.format.description'),
    }),
  };
}

/** A summary is always included where there is one. */
function readReasoning(reading: RequestReader, body: JsonObject): Reasoning | undefined {
  const reasoning = readObject(reading, body.reasoning, 'reasoning');
  if (!reasoning) return undefined;
  noteUnknownMembers(reading, reasoning, ['effort', 'summary', 'generate_summary'], 'reasoning');
  const effort = readEnum(reading, reasoning.effort, 'reasoning.effort', efforts);
  return effort === undefined ? undefined : { effort };
}

function readExtra(reading: RequestReader, body: JsonObject, text: JsonObject): JsonObject {
  const given = sharedMembers.filter(member => isGiven(body[member]) && body[member] !== false);
  const verbosity = readText(reading, text.verbosity, 'text.verbosity');
  return { ...Object.fromEntries(given.map(member => [member, body[member]!])), ...(verbosity === undefined ? {} : { verbosity }) };
}
