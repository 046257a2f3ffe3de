/** Parses the body of POST /v1/chat/completions as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest, OutputFormat, Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { refuseHostParameters } from './forbidden-parameters.ts';
import { readMessages } from './messages.ts';
import {
  createRequestReader,
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
  const request: ChatRequest = {
    model: readModel(reading, body),
    messages: readMessages(reading, body.messages),
    tools: readTools(reading, body),
    ...definedMembers({ toolChoice: readToolChoice(reading, body), parallelToolCalls: readParallel(reading, body) }),
    // The legacy format has room for one call.
    ...(isLegacy(body) ? { legacyFunctions: true, parallelToolCalls: false } : {}),
    stream: readFlag(reading, body.stream, 'stream') ?? false,
    stop: readStop(reading, body.stop),
    ...definedMembers({ maxOutputTokens: readLimit(reading, body) }),
    ...readSampling(reading, body),
    ...definedMembers({ output: readOutput(reading, body.response_format), reasoning: readReasoning(reading, body) }),
    ...definedMembers({
      user: readText(reading, body.user, 'user'),
      metadata: readMetadata(reading, body.metadata),
      serviceTier: readText(reading, body.service_tier, 'service_tier'),
    }),
    extra: readExtra(reading, body),
    ...(reading.unmapped.length > 0 ? { unread: reading.unmapped } : {}),
  };
  return reading.problem ? { problem: reading.problem } : request;
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
  if (typeof stop === 'string') return stop === '' ? [] : [stop];
  if (stop !== undefined && stop !== null && !Array.isArray(stop)) wrongType(reading, stop, 'stop', 'a string or an array of strings');
  const sequences = readTexts(reading, stop, 'stop');
  if (sequences.length > stopSequencesMax) refuse(reading, 'invalid_value', 'stop', `stop may hold at most ${stopSequencesMax} sequences.`);
  return sequences;
}

/** Non-empty texts. */
function readTexts(reading: RequestReader, value: Json | undefined, param: string): readonly string[] {
  return (readList(reading, value, param) ?? []).map((item, index) => requireText(reading, item, `${param}[${index}]`));
}

function readLimit(reading: RequestReader, body: JsonObject): number | undefined {
  const range = { min: 1, max: 2 ** 31 - 1, integer: true } as const;
  const older = readNumber(reading, body.max_tokens, 'max_tokens', range);
  const limit = readNumber(reading, body.max_completion_tokens, 'max_completion_tokens', range);
  if (older !== undefined && limit !== undefined && older !== limit) {
    refuse(reading, 'invalid_value', 'max_tokens', 'max_tokens and max_completion_tokens say different things: leave one of them out.');
  }
  return limit ?? older;
}

type Sampling = Pick<
  ChatRequest,
  'temperature' | 'topP' | 'topK' | 'frequencyPenalty' | 'presencePenalty' | 'seed' | 'choices' | 'logprobs'
>;

function readSampling(reading: RequestReader, body: JsonObject): Sampling {
  const number = (param: string, min: number, max: number): number | undefined => readNumber(reading, body[param], param, { min, max });
  const topK = readNumber(reading, body.top_k, 'top_k', { min: -1, integer: true });
  return definedMembers({
    temperature: number('temperature', 0, 2),
    topP: number('top_p', 0, 1),
    // 0 and -1 mean no limit.
    topK: topK !== undefined && topK > 0 ? topK : undefined,
    frequencyPenalty: number('frequency_penalty', -2, 2),
    presencePenalty: number('presence_penalty', -2, 2),
    seed: readNumber(reading, body.seed, 'seed', { integer: true }),
    choices: readNumber(reading, body.n, 'n', { min: 1, max: choicesMax, integer: true }),
    logprobs: readLogprobs(reading, body),
  });
}

function readLogprobs(reading: RequestReader, body: JsonObject): ChatRequest['logprobs'] {
  const wanted = readFlag(reading, body.logprobs, 'logprobs');
  const top = readNumber(reading, body.top_logprobs, 'top_logprobs', { min: 0, max: 20, integer: true });
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
  const extra = Object.fromEntries(Object.entries(body).filter(([member, value]) => value !== null && !knownMembers.has(member)));
  const options = readStreamOptions(reading, body);
  return Object.keys(options).length > 0 ? { ...extra, stream_options: options } : extra;
}

/** Lists of models are handled by the gateway. A fallback may be an object with a `model` and nothing else. */
export function readModels(reading: RequestReader, body: JsonObject): void {
  for (const param of ['models', 'fallbacks']) {
    const list = readList(reading, body[param], param) ?? [];
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

/** The gateway renders the usage of a stream; other options belong to the target. */
function readStreamOptions(reading: RequestReader, body: JsonObject): JsonObject {
  const { include_usage: usage, ...rest } = readObject(reading, body.stream_options, 'stream_options') ?? {};
  readFlag(reading, usage, 'stream_options.include_usage');
  return rest;
}
