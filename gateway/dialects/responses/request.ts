/** The body of POST /v1/responses as a canonical request, or the member of it that is wrong. */
import type { ChatRequest, OutputFormat, Reasoning, Tool, ToolChoice } from '../../core/chat.ts';
import type { FieldProblem } from '../../core/dialect.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { refuseHosts } from '../openai/forbidden.ts';
import {
  isGiven,
  noteOthers,
  noteUnread,
  type Reading,
  readFlag,
  readList,
  readNumber,
  readObject,
  readObjects,
  readText,
  readWord,
  requireGiven,
  requireText,
  startReading,
  wrongType,
} from '../openai/reading.ts';
import { efforts, present, readMetadata, readModel, readModels } from '../openai/request.ts';
import { readInput } from './input.ts';

/** Refer to what only the target's own store holds, or to an answer that is fetched later. */
const storing = ['previous_response_id', 'conversation', 'prompt', 'background'];
/** Mean the same in chat completions, under the same name. */
const shared = ['store', 'prompt_cache_key', 'prompt_cache_retention', 'safety_identifier'];
const known = [
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
  // Padding of the stream, which ours has not.
  'stream_options',
  // Lists of models are for the gateway.
  'models',
  'fallbacks',
  ...storing,
  ...shared,
];

export function parseRequest(body: JsonObject): ChatRequest | FieldProblem {
  const reading = startReading();
  refuseHosts(reading, body);
  readModels(reading, body);
  const { messages, places, bound } = readInput(reading, body);
  const text = readObject(reading, body.text, 'text') ?? {};
  noteOthers(reading, text, ['format', 'verbosity'], 'text');
  const request: ChatRequest = {
    model: readModel(reading, body),
    messages,
    places,
    tools: readTools(reading, body),
    ...present({ toolChoice: readToolChoice(reading, body.tool_choice) }),
    ...present({ parallelToolCalls: readFlag(reading, body.parallel_tool_calls, 'parallel_tool_calls') }),
    stream: readFlag(reading, body.stream, 'stream') ?? false,
    stop: [],
    ...present({
      maxOutputTokens: readNumber(reading, body.max_output_tokens, 'max_output_tokens', { min: 1, max: 2 ** 31 - 1, whole: true }),
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
  for (const member of Object.keys(body)) if (!known.includes(member) && saysSomething(member, body[member])) noteUnread(reading, member);
  if (reading.problem) return { problem: reading.problem };
  const all = [...storing.filter(member => isGiven(body[member]) && body[member] !== false), ...bound];
  return {
    ...request,
    ...(all.length > 0 ? { bound: all } : {}),
    ...(reading.unread.length > 0 ? { unread: reading.unread } : {}),
  };
}

/** Not to be truncated is what every target promises. */
const saysSomething = (member: string, value: Json | undefined): boolean =>
  isGiven(value) && !(member === 'truncation' && value === 'disabled');

function readTools(reading: Reading, body: JsonObject): readonly Tool[] {
  return readObjects(reading, body.tools, 'tools').flatMap(([tool, path]): readonly Tool[] => {
    if (readText(reading, tool.type, `${path}.type`) !== 'function') {
      // Tools that OpenAI runs itself, and those whose input is free text.
      noteUnread(reading, path);
      return [];
    }
    noteOthers(reading, tool, ['type', 'name', 'description', 'parameters', 'strict'], path);
    return [
      {
        name: requireText(reading, tool.name, `${path}.name`),
        ...present({
          description: readText(reading, tool.description, `${path}.description`),
          parameters: readObject(reading, tool.parameters, `${path}.parameters`),
          strict: readFlag(reading, tool.strict, `${path}.strict`),
        }),
      },
    ];
  });
}

function readToolChoice(reading: Reading, choice: Json | undefined): ToolChoice | undefined {
  if (!isGiven(choice)) return undefined;
  if (typeof choice === 'string') {
    const type = readWord(reading, choice, 'tool_choice', ['auto', 'none', 'required']);
    return type && { type };
  }
  if (!isObject(choice)) return wrongType(reading, choice, 'tool_choice', 'a string or an object');
  switch (choice.type) {
    case 'function':
      return { type: 'tool', name: requireText(reading, choice.name, 'tool_choice.name') };
    case 'allowed_tools': {
      noteUnread(reading, 'tool_choice.tools');
      const type = readWord(reading, choice.mode, 'tool_choice.mode', ['auto', 'required']);
      return type && { type };
    }
    default:
      requireGiven(reading, choice.type, 'tool_choice.type', 'function or allowed_tools');
      noteUnread(reading, 'tool_choice');
      return undefined;
  }
}

function readLogprobs(reading: Reading, body: JsonObject): ChatRequest['logprobs'] {
  const include = readList(reading, body.include, 'include') ?? [];
  for (const [index, item] of include.entries()) {
    const word = requireText(reading, item, `include[${index}]`);
    // Sealed thoughts are always given.
    if (word !== logprobsIncluded && word !== 'reasoning.encrypted_content') noteUnread(reading, `include[${index}]`);
  }
  const top = readNumber(reading, body.top_logprobs, 'top_logprobs', { min: 0, max: 20, whole: true });
  return top || include.includes(logprobsIncluded) ? { top: top ?? 0 } : undefined;
}
const logprobsIncluded = 'message.output_text.logprobs';

function readOutput(reading: Reading, value: Json | undefined): OutputFormat | undefined {
  const format = readObject(reading, value, 'text.format');
  if (!format) return undefined;
  requireGiven(reading, format.type, 'text.format.type', 'text, json_object or json_schema');
  const type = readWord(reading, format.type, 'text.format.type', ['text', 'json_object', 'json_schema']);
  if (type !== 'json_schema') return { type: type === 'json_object' ? 'json' : 'text' };
  noteOthers(reading, format, ['type', 'name', 'schema', 'strict', 'description'], 'text.format');
  requireGiven(reading, format.schema, 'text.format.schema', 'a JSON Schema');
  return {
    type: 'json-schema',
    name: requireText(reading, format.name, 'text.format.name'),
    schema: readObject(reading, format.schema, 'text.format.schema') ?? {},
    ...present({
      strict: readFlag(reading, format.strict, 'text.format.strict'),
      description: readText(reading, format.description, 'text.format.description'),
    }),
  };
}

/** A summary is always given where there is one. */
function readReasoning(reading: Reading, body: JsonObject): Reasoning | undefined {
  const reasoning = readObject(reading, body.reasoning, 'reasoning');
  if (!reasoning) return undefined;
  noteOthers(reading, reasoning, ['effort', 'summary', 'generate_summary'], 'reasoning');
  const effort = readWord(reading, reasoning.effort, 'reasoning.effort', efforts);
  return effort === undefined ? undefined : { effort };
}

function readExtra(reading: Reading, body: JsonObject, text: JsonObject): JsonObject {
  const given = shared.filter(member => isGiven(body[member]) && body[member] !== false);
  const verbosity = readText(reading, text.verbosity, 'text.verbosity');
  return { ...Object.fromEntries(given.map(member => [member, body[member]!])), ...(verbosity === undefined ? {} : { verbosity }) };
}
