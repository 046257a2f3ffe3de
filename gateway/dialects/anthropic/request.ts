/** Parses the body of POST /v1/messages as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest, Message, OutputFormat, Reasoning, ReasoningEffort, Tool, ToolChoice } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { refuseHostParameters } from '../openai/forbidden-parameters.ts';
import { definedMembers, readModel, readModels } from '../openai/request.ts';
import {
  createRequestReader,
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
  refuse,
  requireGiven,
  requireText,
} from '../openai/request-reader.ts';
import { readBlocks, readCache } from './content.ts';

const stopSequencesMax = 64;
const knownMembers = [
  'model',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
  'service_tier',
  // Lists of models are handled by the gateway.
  'models',
  'fallbacks',
];

export function parseRequest(body: JsonObject): ChatRequest | FieldProblem {
  const reading = createRequestReader();
  refuseHostParameters(reading, body);
  readModels(reading, body);
  const turns = readTurns(reading, body);
  const config = readObject(reading, body.output_config, 'output_config') ?? {};
  noteUnknownMembers(reading, config, ['effort', 'format'], 'output_config');
  const request: ChatRequest = {
    model: readModel(reading, body),
    ...turns,
    tools: readTools(reading, body),
    ...readToolChoice(reading, body),
    stream: readFlag(reading, body.stream, 'stream') ?? false,
    stop: readStop(reading, body),
    ...definedMembers({
      maxOutputTokens: readLimit(reading, body),
      temperature: readNumber(reading, body.temperature, 'temperature', { min: 0, max: 1 }),
      topP: readNumber(reading, body.top_p, 'top_p', { min: 0, max: 1 }),
      topK: readNumber(reading, body.top_k, 'top_k', { min: 1, integer: true }),
      output: readOutput(reading, body, config),
      reasoning: readReasoning(reading, body, config),
      user: readUser(reading, body),
      serviceTier: readTier(reading, body),
    }),
    extra: {},
  };
  for (const member of Object.keys(body)) if (!knownMembers.includes(member) && body[member] !== null) noteUnmapped(reading, member);
  if (reading.problem) return { problem: reading.problem };
  return {
    ...request,
    ...(reading.unmapped.length > 0 ? { unread: reading.unmapped } : {}),
    ...(reading.restated.length > 0 ? { restated: reading.restated } : {}),
  };
}

function readTurns(reading: RequestReader, body: JsonObject): Pick<ChatRequest, 'messages' | 'messagePaths'> {
  const prompt = readBlocks(reading, body.system, 'system');
  const messages: Message[] = prompt.length > 0 ? [{ role: 'system', content: prompt }] : [];
  const places = prompt.length > 0 ? ['system'] : [];
  requireGiven(reading, body.messages, 'messages', 'an array of messages');
  if (readList(reading, body.messages, 'messages')?.length === 0)
    refuse(reading, 'invalid_value', 'messages', 'messages must hold at least one message.');
  for (const [turn, path] of readObjects(reading, body.messages, 'messages')) {
    noteUnknownMembers(reading, turn, ['role', 'content'], path);
    requireGiven(reading, turn.role, `${path}.role`, 'user or assistant');
    requireGiven(reading, turn.content, `${path}.content`, 'a string or an array of content blocks');
    const role = readEnum(reading, turn.role, `${path}.role`, ['user', 'assistant', 'system']) ?? 'user';
    const content = readBlocks(reading, turn.content, `${path}.content`);
    const onlyResults = content.length > 0 && content.every(part => part.type === 'tool-result');
    messages.push({ role: onlyResults && role === 'user' ? 'tool' : role, content });
    places.push(path);
  }
  return { messages, messagePaths: places };
}

function readLimit(reading: RequestReader, body: JsonObject): number | undefined {
  requireGiven(reading, body.max_tokens, 'max_tokens', 'a whole number');
  return readNumber(reading, body.max_tokens, 'max_tokens', { min: 1, max: 2 ** 31 - 1, integer: true });
}

function readStop(reading: RequestReader, body: JsonObject): readonly string[] {
  const list = readList(reading, body.stop_sequences, 'stop_sequences') ?? [];
  if (list.length > stopSequencesMax)
    refuse(reading, 'invalid_value', 'stop_sequences', `stop_sequences may hold at most ${stopSequencesMax} sequences.`);
  return list.map((item, index) => requireText(reading, item, `stop_sequences[${index}]`));
}

function readTools(reading: RequestReader, body: JsonObject): readonly Tool[] {
  return readObjects(reading, body.tools, 'tools').flatMap(([tool, path]): readonly Tool[] => {
    const type = readText(reading, tool.type, `${path}.type`) ?? 'custom';
    if (type !== 'custom') {
      // Tools that Anthropic runs or defines itself.
      noteUnmapped(reading, path);
      return [];
    }
    const members = ['type', 'name', 'description', 'input_schema', 'strict', 'cache_control', 'defer_loading'];
    noteUnknownMembers(reading, tool, members, path);
    const isDeferred = readFlag(reading, tool.defer_loading, `${path}.defer_loading`);
    return [
      {
        name: requireText(reading, tool.name, `${path}.name`),
        ...definedMembers({
          description: readText(reading, tool.description, `${path}.description`),
          parameters: readObject(reading, tool.input_schema, `${path}.input_schema`),
          strict: readFlag(reading, tool.strict, `${path}.strict`),
        }),
        ...readCache(reading, tool, path),
        ...(isDeferred ? { form: { type: 'function' as const, deferred: true as const, path } } : {}),
      },
    ];
  });
}

function readToolChoice(reading: RequestReader, body: JsonObject): Pick<ChatRequest, 'toolChoice' | 'parallelToolCalls'> {
  const choice = readObject(reading, body.tool_choice, 'tool_choice');
  if (!choice) return {};
  noteUnknownMembers(reading, choice, ['type', 'name', 'disable_parallel_tool_use'], 'tool_choice');
  requireGiven(reading, choice.type, 'tool_choice.type', 'auto, any, tool or none');
  const type = readEnum(reading, choice.type, 'tool_choice.type', ['auto', 'any', 'tool', 'none']) ?? 'auto';
  const single = readFlag(reading, choice.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use');
  const toolChoice: ToolChoice =
    type === 'tool' ? { type, name: requireText(reading, choice.name, 'tool_choice.name') } : { type: type === 'any' ? 'required' : type };
  return { toolChoice, ...(single === undefined ? {} : { parallelToolCalls: !single }) };
}

function readOutput(reading: RequestReader, body: JsonObject, config: JsonObject): OutputFormat | undefined {
  const [holder, path] = config.format === undefined ? [body.output_format, 'output_format'] : [config.format, 'output_config.format'];
  const format = readObject(reading, holder, path);
  if (!format) return undefined;
  noteUnknownMembers(reading, format, ['type', 'schema'], path);
  readEnum(reading, format.type, `${path}.type`, ['json_schema']);
  requireGiven(reading, format.schema, `${path}.schema`, 'a JSON Schema');
  return { type: 'json-schema', name: 'output', schema: readObject(reading, format.schema, `${path}.schema`) ?? {}, strict: true };
}

const efforts: readonly ReasoningEffort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

/** Adaptive thinking without an effort is `high`, by Anthropic's documentation. */
function readReasoning(reading: RequestReader, body: JsonObject, config: JsonObject): Reasoning | undefined {
  const effort = readEnum(reading, config.effort, 'output_config.effort', efforts);
  const thinking = readObject(reading, body.thinking, 'thinking');
  if (!thinking) return effort === undefined ? undefined : { effort };
  noteUnknownMembers(reading, thinking, ['type', 'budget_tokens', 'display'], 'thinking');
  requireGiven(reading, thinking.type, 'thinking.type', 'enabled, adaptive or disabled');
  const hidden = readText(reading, thinking.display, 'thinking.display') === 'omitted' ? { shown: false } : {};
  switch (readText(reading, thinking.type, 'thinking.type')) {
    case 'disabled':
      return { effort: 'none' };
    case 'enabled': {
      requireGiven(reading, thinking.budget_tokens, 'thinking.budget_tokens', 'a whole number');
      const range = { min: 1_024, max: 2 ** 31 - 1, integer: true } as const;
      const budgetTokens = readNumber(reading, thinking.budget_tokens, 'thinking.budget_tokens', range);
      return { ...definedMembers({ effort, budgetTokens }), ...hidden };
    }
    default:
      return { effort: effort ?? 'high', ...hidden };
  }
}

function readUser(reading: RequestReader, body: JsonObject): string | undefined {
  const metadata = readObject(reading, body.metadata, 'metadata');
  if (!metadata) return undefined;
  noteUnknownMembers(reading, metadata, ['user_id'], 'metadata');
  return readText(reading, metadata.user_id, 'metadata.user_id');
}

function readTier(reading: RequestReader, body: JsonObject): string | undefined {
  const tier = readText(reading, body.service_tier, 'service_tier');
  return tier === 'standard_only' ? 'default' : tier;
}
