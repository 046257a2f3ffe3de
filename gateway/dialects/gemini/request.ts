/** Parses the body of models/{model}:generateContent as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest, OutputFormat, Reasoning, ReasoningEffort, Tool, ToolChoice } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { refuseHostParameters } from '../openai/forbidden-parameters.ts';
import { definedMembers, readModel, readModels } from '../openai/request.ts';
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
  readObjects,
  readText,
  requireText,
} from '../openai/request-reader.ts';
import { readContents } from './contents.ts';
import { jsonSchemaOf, toCamelCaseMembers } from './members.ts';

/** `model` and `stream` come from the path and are added to the body by the reader of the path. */
const knownMembers = [
  'model',
  'stream',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'cachedContent',
  'serviceTier',
  'models',
  'fallbacks',
];
const knownConfigMembers = [
  'stopSequences',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'candidateCount',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'responseLogprobs',
  'logprobs',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'thinkingConfig',
];

export function parseRequest(original: JsonObject): ChatRequest | FieldProblem {
  const reading = createRequestReader();
  refuseHostParameters(reading, original);
  readModels(reading, original);
  const body = toCamelCaseMembers(original);
  const wanted = toCamelCaseMembers(readObject(reading, body.generationConfig, 'generationConfig') ?? {});
  noteUnknownMembers(reading, wanted, knownConfigMembers, 'generationConfig');
  const request: ChatRequest = {
    model: readModel(reading, body),
    ...readContents(reading, body),
    tools: readTools(reading, body),
    ...definedMembers({ toolChoice: readToolChoice(reading, body) }),
    stream: readFlag(reading, body.stream, 'stream') ?? false,
    stop: (readList(reading, wanted.stopSequences, 'generationConfig.stopSequences') ?? []).map((item, index) =>
      requireText(reading, item, `generationConfig.stopSequences[${index}]`),
    ),
    ...readConfig(reading, wanted),
    ...definedMembers({ serviceTier: readText(reading, body.serviceTier, 'serviceTier') }),
    extra: {},
  };
  for (const member of Object.keys(body)) if (!knownMembers.includes(member) && isGiven(body[member])) noteUnmapped(reading, member);
  if (reading.problem) return { problem: reading.problem };
  return {
    ...request,
    ...(isGiven(body.cachedContent) ? { bound: ['cachedContent'] } : {}),
    ...(reading.unmapped.length > 0 ? { unread: reading.unmapped } : {}),
  };
}

function readConfig(reading: RequestReader, configObject: JsonObject): Partial<ChatRequest> {
  const number = (member: string, min: number, max: number, isInteger = false): number | undefined =>
    readNumber(reading, configObject[member], `generationConfig.${member}`, { min, max, ...(isInteger ? { integer: true } : {}) });
  const most = 2 ** 31 - 1;
  const logprobs = readFlag(reading, configObject.responseLogprobs, 'generationConfig.responseLogprobs');
  const top = number('logprobs', 0, 20, true) ?? 0;
  return definedMembers({
    maxOutputTokens: number('maxOutputTokens', 1, most, true),
    temperature: number('temperature', 0, 2),
    topP: number('topP', 0, 1),
    topK: number('topK', 1, most),
    frequencyPenalty: number('frequencyPenalty', -2, 2),
    presencePenalty: number('presencePenalty', -2, 2),
    seed: number('seed', -most, most, true),
    choices: number('candidateCount', 1, 128, true),
    logprobs: logprobs ? { top } : undefined,
    output: readOutput(reading, configObject),
    reasoning: readReasoning(reading, configObject),
  });
}

function readTools(reading: RequestReader, body: JsonObject): readonly Tool[] {
  const config = toCamelCaseMembers(readObject(reading, body.toolConfig, 'toolConfig') ?? {}).functionCallingConfig;
  // The mode that enforces the schema of optional calls.
  const strict = toCamelCaseMembers(readObject(reading, config, callingPath) ?? {}).mode === 'VALIDATED' ? true : undefined;
  return readObjects(reading, body.tools, 'tools').flatMap(([written, path]) => {
    const tool = toCamelCaseMembers(written);
    // Search, code and maps are tools that Google runs itself.
    noteUnknownMembers(reading, tool, ['functionDeclarations'], path);
    return readObjects(reading, tool.functionDeclarations, `${path}.functionDeclarations`).map(([item, at]): Tool => {
      const declared = toCamelCaseMembers(item);
      noteUnknownMembers(reading, declared, ['name', 'description', 'parameters', 'parametersJsonSchema'], at);
      const own = readObject(reading, declared.parameters, `${at}.parameters`);
      const schema = readObject(reading, declared.parametersJsonSchema, `${at}.parametersJsonSchema`) ?? (own && jsonSchemaOf(own));
      return {
        name: requireText(reading, declared.name, `${at}.name`),
        ...definedMembers({ description: readText(reading, declared.description, `${at}.description`), parameters: schema, strict }),
      };
    });
  });
}

const callingPath = 'toolConfig.functionCallingConfig';

function readToolChoice(reading: RequestReader, body: JsonObject): ToolChoice | undefined {
  const holder = toCamelCaseMembers(readObject(reading, body.toolConfig, 'toolConfig') ?? {});
  noteUnknownMembers(reading, holder, ['functionCallingConfig'], 'toolConfig');
  const path = callingPath;
  const calling = toCamelCaseMembers(readObject(reading, holder.functionCallingConfig, path) ?? {});
  noteUnknownMembers(reading, calling, ['mode', 'allowedFunctionNames'], path);
  const names = (readList(reading, calling.allowedFunctionNames, `${path}.allowedFunctionNames`) ?? []).map((name, index) =>
    requireText(reading, name, `${path}.allowedFunctionNames[${index}]`),
  );
  switch (readText(reading, calling.mode, `${path}.mode`)) {
    case 'ANY':
      if (names.length === 1) return { type: 'tool', name: names[0]! };
      if (names.length > 1) noteUnmapped(reading, `${path}.allowedFunctionNames`);
      return { type: 'required' };
    case 'NONE':
      return { type: 'none' };
    case 'AUTO':
    case 'VALIDATED':
      return { type: 'auto' };
    default:
      return undefined;
  }
}

function readOutput(reading: RequestReader, wanted: JsonObject): OutputFormat | undefined {
  const at = (member: string): string => `generationConfig.${member}`;
  const own = readObject(reading, wanted.responseSchema, at('responseSchema'));
  const schema = readObject(reading, wanted.responseJsonSchema, at('responseJsonSchema')) ?? (own && jsonSchemaOf(own));
  const type = readText(reading, wanted.responseMimeType, at('responseMimeType'));
  if (schema) return { type: 'json-schema', name: 'response', schema, strict: true };
  if (type === 'application/json') return { type: 'json' };
  if (type !== undefined && type !== 'text/plain') noteUnmapped(reading, at('responseMimeType'));
  return undefined;
}

const levels: readonly ReasoningEffort[] = ['minimal', 'low', 'medium', 'high'];

/** A budget of -1 leaves it to the model. */
function readReasoning(reading: RequestReader, wanted: JsonObject): Reasoning | undefined {
  const path = 'generationConfig.thinkingConfig';
  const holder = readObject(reading, wanted.thinkingConfig, path);
  if (!holder) return undefined;
  const thinking = toCamelCaseMembers(holder);
  noteUnknownMembers(reading, thinking, ['thinkingBudget', 'thinkingLevel', 'includeThoughts'], path);
  const budget = readNumber(reading, thinking.thinkingBudget, `${path}.thinkingBudget`, { min: -1, max: 2 ** 31 - 1, integer: true });
  const level = readText(reading, thinking.thinkingLevel, `${path}.thinkingLevel`)?.toLowerCase();
  const effort =
    level === undefined || level === 'thinking_level_unspecified' ? undefined : readEnum(reading, level, `${path}.thinkingLevel`, levels);
  const shown = readFlag(reading, thinking.includeThoughts, `${path}.includeThoughts`);
  const reasoning = definedMembers({
    effort: budget === 0 ? ('none' as const) : effort,
    budgetTokens: budget !== undefined && budget > 0 ? budget : undefined,
    shown: shown === false ? false : undefined,
  });
  return Object.keys(reasoning).length > 0 ? reasoning : undefined;
}
