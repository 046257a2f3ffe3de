/** Parses the body of POST /v1/chat/completions as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest, OutputFormat, Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { refuseHostParameters } from './forbidden-parameters.ts';
import { readMessages } from './messages.ts';
import {
  createRequestReader,
  isGiven,
  type NumberRange,
  noteUnknownMembers,
  type RequestReader,
  readEnum,
  readFlag,
  readList,
  readNumber,
  readObject,
  readText,
  refuse,
  requireGiven,
  requireText,
  wrongType,
} from './request-reader.ts';
import { readParallel, readToolChoice, readTools } from './tools.ts';

const modelLengthMax = 1_000;
const stopSequencesMax = 64;
const choicesMax = 128;
const namesMax = 64;
/** Members with a place in ChatRequest; `stream_options` is read in part. */
const knownMembers: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'parallel_tool_calls',
  'stream',
  'stream_options',
  'stop',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
  'seed',
  'n',
  'logprobs',
  'top_logprobs',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'user',
  'metadata',
  'service_tier',
]);

/** The request, or the first invalid member with its correction. */
export function parseRequest(body: JsonObject): ChatRequest | FieldProblem {
  const reading = createRequestReader();
  refuseHostParameters(reading, body);
  const model = readModel(reading, body);
  const messages = readMessages(reading, body.messages);
  const tools = readTools(reading, body);
  const request: Building<ChatRequest> = { model, messages, tools, stream: false, stop: noStop, extra: noExtra };
  setDefined(request, 'toolChoice', readToolChoice(reading, body));
  setDefined(request, 'parallelToolCalls', readParallel(reading, body));
  if (isLegacy(body)) {
    request.legacyFunctions = true;
    // The legacy format has room for one call.
    request.parallelToolCalls = false;
  }
  request.stream = readFlag(reading, body.stream, 'stream') ?? false;
  request.stop = readStop(reading, body.stop);
  setDefined(request, 'maxOutputTokens', readLimit(reading, body));
  readSampling(reading, body, request);
  setDefined(request, 'output', readOutput(reading, body.response_format));
  setDefined(request, 'reasoning', readReasoning(reading, body));
  setDefined(request, 'user', readText(reading, body.user, 'user'));
  setDefined(request, 'metadata', readMetadata(reading, body.metadata));
  setDefined(request, 'serviceTier', readText(reading, body.service_tier, 'service_tier'));
  request.extra = readExtra(reading, body);
  if (reading.unmapped.length > 0) request.unread = reading.unmapped;
  return reading.problem ? { problem: reading.problem } : request;
}

type Building<T> = { -readonly [K in keyof T]: T[K] };

const noStop: readonly string[] = [];
const noExtra: JsonObject = {};

/** A member that is undefined stays absent. */
function setDefined<K extends keyof ChatRequest>(request: Building<ChatRequest>, name: K, value: ChatRequest[K] | undefined): void {
  if (value !== undefined) request[name] = value;
}

const isLegacy = ({ functions, tools }: JsonObject): boolean =>
  Array.isArray(functions) && functions.length > 0 && (tools === undefined || tools === null);

export type DefinedMembers<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Removes undefined members. */
export function definedMembers<T extends object>(members: T): DefinedMembers<T> {
  const given: Partial<T> = {};
  for (const name in members) if (members[name] !== undefined) given[name] = members[name];
  return given as DefinedMembers<T>;
}

/** The model's name; '' with a problem when it is absent or not a name. */
export function readModel(reading: RequestReader, { model }: JsonObject): string {
  const name = requireText(reading, model, 'model');
  checkName(reading, name, 'model');
  return name;
}

/** Refuses unprintable characters and lone surrogates, because names go into headers and log lines. */
function checkName(reading: RequestReader, name: string, param: string): void {
  if (name.length > modelLengthMax) refuse(reading, 'invalid_value', param, `${param} must be at most ${modelLengthMax} characters long.`);
  else if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) refuse(reading, 'invalid_value', param, `${param} must hold printable characters only.`);
}

function readStop(reading: RequestReader, stop: Json | undefined): readonly string[] {
  if (!isGiven(stop)) return noStop;
  if (typeof stop === 'string') return stop === '' ? [] : [stop];
  if (!Array.isArray(stop)) wrongType(reading, stop, 'stop', 'a string or an array of strings');
  const sequences = readTexts(reading, stop, 'stop');
  if (sequences.length > stopSequencesMax) refuse(reading, 'invalid_value', 'stop', `stop may hold at most ${stopSequencesMax} sequences.`);
  return sequences;
}

/** Non-empty texts. */
function readTexts(reading: RequestReader, value: Json | undefined, param: string): readonly string[] {
  return (readList(reading, value, param) ?? []).map((item, index) => requireText(reading, item, `${param}[${index}]`));
}

function readLimit(reading: RequestReader, body: JsonObject): number | undefined {
  const older = readNumber(reading, body.max_tokens, 'max_tokens', ranges.limit);
  const limit = readNumber(reading, body.max_completion_tokens, 'max_completion_tokens', ranges.limit);
  if (older !== undefined && limit !== undefined && older !== limit) {
    refuse(reading, 'invalid_value', 'max_tokens', 'max_tokens and max_completion_tokens say different things: leave one of them out.');
  }
  return limit ?? older;
}

function readSampling(reading: RequestReader, body: JsonObject, request: Building<ChatRequest>): void {
  const topK = readNumber(reading, body.top_k, 'top_k', ranges.topK);
  setDefined(request, 'temperature', readNumber(reading, body.temperature, 'temperature', ranges.temperature));
  setDefined(request, 'topP', readNumber(reading, body.top_p, 'top_p', ranges.topP));
  // 0 and -1 mean no limit.
  setDefined(request, 'topK', topK !== undefined && topK > 0 ? topK : undefined);
  setDefined(request, 'frequencyPenalty', readNumber(reading, body.frequency_penalty, 'frequency_penalty', ranges.penalty));
  setDefined(request, 'presencePenalty', readNumber(reading, body.presence_penalty, 'presence_penalty', ranges.penalty));
  setDefined(request, 'seed', readNumber(reading, body.seed, 'seed', ranges.seed));
  setDefined(request, 'choices', readNumber(reading, body.n, 'n', ranges.choices));
  setDefined(request, 'logprobs', readLogprobs(reading, body));
}

const ranges = {
  limit: { min: 1, max: 2 ** 31 - 1, integer: true },
  topK: { min: -1, integer: true },
  temperature: { min: 0, max: 2 },
  topP: { min: 0, max: 1 },
  penalty: { min: -2, max: 2 },
  seed: { integer: true },
  choices: { min: 1, max: choicesMax, integer: true },
  topLogprobs: { min: 0, max: 20, integer: true },
} as const satisfies Readonly<Record<string, NumberRange>>;

function readLogprobs(reading: RequestReader, body: JsonObject): ChatRequest['logprobs'] {
  const wanted = readFlag(reading, body.logprobs, 'logprobs');
  const top = readNumber(reading, body.top_logprobs, 'top_logprobs', ranges.topLogprobs);
  if (wanted) return { top: top ?? 0 };
  if (top) refuse(reading, 'invalid_value', 'top_logprobs', 'top_logprobs needs logprobs: true beside it.');
  return undefined;
}

function readOutput(reading: RequestReader, value: Json | undefined): OutputFormat | undefined {
  const format = readObject(reading, value, 'response_format');
  if (!format) return undefined;
  if (!requireGiven(reading, format.type, 'response_format.type', 'text, json_object or json_schema')) return undefined;
  const type = readEnum(reading, format.type, 'response_format.type', ['text', 'json_object', 'json_schema']);
  noteUnknownMembers(reading, format, type === 'json_schema' ? ['type', 'json_schema'] : ['type'], 'response_format');
  if (type !== 'json_schema') return { type: type === 'json_object' ? 'json' : 'text' };
  const path = 'response_format.json_schema';
  if (!requireGiven(reading, format.json_schema, path, 'an object with a name and a schema')) return undefined;
  const outer = readObject(reading, format.json_schema, path) ?? {};
  noteUnknownMembers(reading, outer, ['name', 'schema', 'strict', 'description'], path);
  requireGiven(reading, outer.schema, `${path}.schema`, 'a JSON Schema');
  return {
    type: 'json-schema',
    name: requireText(reading, outer.name, `${path}.name`),
    schema: readObject(reading, outer.schema, `${path}.schema`) ?? {},
    ...definedMembers({
      strict: readFlag(reading, outer.strict, `${path}.strict`),
      description: readText(reading, outer.description, `${path}.description`),
    }),
  };
}

export const efforts: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/** OpenAI's `reasoning_effort`, or OpenRouter's `reasoning: {effort, max_tokens, enabled}`. */
function readReasoning(reading: RequestReader, body: JsonObject): Reasoning | undefined {
  if (!isGiven(body.reasoning) && !isGiven(body.reasoning_effort)) return undefined;
  const other = readObject(reading, body.reasoning, 'reasoning') ?? {};
  noteUnknownMembers(reading, other, ['effort', 'max_tokens', 'enabled'], 'reasoning');
  const enabled = readFlag(reading, other.enabled, 'reasoning.enabled');
  const effort =
    readEnum(reading, body.reasoning_effort, 'reasoning_effort', efforts) ??
    readEnum(reading, other.effort, 'reasoning.effort', efforts) ??
    (enabled === false ? 'none' : undefined);
  const budgetTokens = readNumber(reading, other.max_tokens, 'reasoning.max_tokens', { min: 0, max: 2 ** 31 - 1, integer: true });
  return effort === undefined && budgetTokens === undefined ? undefined : definedMembers({ effort, budgetTokens });
}

/** Metadata as texts; undefined when it is absent or invalid, which the reading keeps. */
export function readMetadata(reading: RequestReader, value: Json | undefined): ChatRequest['metadata'] {
  const metadata = readObject(reading, value, 'metadata');
  if (!metadata) return undefined;
  return Object.fromEntries(
    Object.entries(metadata).map(([key, item]) => {
      const param = `metadata.${key}`;
      return [key, typeof item === 'string' ? item : (wrongType(reading, item, param, 'a string') ?? '')];
    }),
  );
}

/** Unknown members, which the target may know. Lists of models are handled by the gateway and checked like `model`. */
function readExtra(reading: RequestReader, body: JsonObject): JsonObject {
  readModels(reading, body);
  let extra: Record<string, Json> | undefined;
  for (const member in body) {
    if (body[member] === null || knownMembers.has(member)) continue;
    extra ??= {};
    extra[member] = body[member]!;
  }
  const options = readStreamOptions(reading, body);
  if (options) return { ...extra, stream_options: options };
  return extra ?? noExtra;
}

const modelLists = ['models', 'fallbacks'];

/** Lists of models are handled by the gateway. A fallback may be an object with a `model` and nothing else. */
export function readModels(reading: RequestReader, body: JsonObject): void {
  for (const param of modelLists) {
    const list = readList(reading, body[param], param);
    if (!list) continue;
    if (list.length > namesMax) refuse(reading, 'invalid_value', param, `${param} may name at most ${namesMax} models.`);
    for (const [index, item] of list.entries()) {
      const path = `${param}[${index}]`;
      if (param === 'models' || !isObject(item)) checkName(reading, requireText(reading, item, path), path);
      else {
        refuseHostParameters(reading, item);
        noteUnknownMembers(reading, item, ['model'], path);
        checkName(reading, requireText(reading, item.model, `${path}.model`), `${path}.model`);
      }
    }
  }
}

/** The gateway renders the usage of a stream; other options belong to the target, undefined for none. */
function readStreamOptions(reading: RequestReader, body: JsonObject): JsonObject | undefined {
  const options = readObject(reading, body.stream_options, 'stream_options');
  if (!options) return undefined;
  const { include_usage: usage, ...rest } = options;
  readFlag(reading, usage, 'stream_options.include_usage');
  return Object.keys(rest).length > 0 ? rest : undefined;
}
