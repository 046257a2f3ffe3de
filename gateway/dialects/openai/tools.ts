/** Reads tools and tool choice, and the legacy functions. */
import type { Tool, ToolChoice } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import {
  isGiven,
  noteUnknownMembers,
  noteUnmapped,
  type RequestReader,
  readEnum,
  readFlag,
  readList,
  readObject,
  readObjects,
  readText,
  refuse,
  requireGiven,
  requireText,
  wrongType,
} from './request-reader.ts';

const noTools: readonly Tool[] = [];

/** The tools, legacy `functions` included. Invalid ones are left out, and the reading keeps the first problem. */
export function readTools(reading: RequestReader, body: JsonObject): readonly Tool[] {
  if (!isGiven(body.tools) && !isGiven(body.functions)) return noTools;
  const tools = readObjects(reading, body.tools, 'tools').flatMap(([tool, path]): readonly Tool[] => {
    const type = readText(reading, tool.type, `${path}.type`) ?? 'function';
    if (type === 'custom') return readFreeform(reading, tool, path);
    if (type !== 'function') {
      // Provider-run tools, which a target of the same wire format may know.
      noteUnmapped(reading, path);
      return [];
    }
    noteUnknownMembers(reading, tool, ['type', 'function'], path);
    if (!requireGiven(reading, tool.function, `${path}.function`, 'an object with a name')) return [];
    return [readFunction(reading, readObject(reading, tool.function, `${path}.function`) ?? {}, `${path}.function`)];
  });
  const functions = readObjects(reading, body.functions, 'functions').map(([item, path]) => readFunction(reading, item, path));
  return [...tools, ...functions];
}

/** A tool that takes a text, with a grammar perhaps. */
function readFreeform(reading: RequestReader, tool: JsonObject, path: string): readonly Tool[] {
  noteUnknownMembers(reading, tool, ['type', 'custom'], path);
  const at = `${path}.custom`;
  if (!requireGiven(reading, tool.custom, at, 'an object with a name')) return [];
  const custom = readObject(reading, tool.custom, at) ?? {};
  noteUnknownMembers(reading, custom, ['name', 'description', 'format'], at);
  const description = readText(reading, custom.description, `${at}.description`);
  const format = readObject(reading, custom.format, `${at}.format`);
  return [
    {
      name: requireText(reading, custom.name, `${at}.name`),
      ...(description === undefined ? {} : { description }),
      form: { type: 'freeform', path, ...(format ? { format: withoutWrapper(format) } : {}) },
    },
  ];
}

/** Chat completions hold a grammar in a member of that name; the vocabulary holds it as the Responses API does. */
const withoutWrapper = (format: JsonObject): JsonObject => (isObject(format.grammar) ? { type: 'grammar', ...format.grammar } : format);

function readFunction(reading: RequestReader, item: JsonObject, path: string): Tool {
  noteUnknownMembers(reading, item, ['name', 'description', 'parameters', 'strict'], path);
  const description = readText(reading, item.description, `${path}.description`);
  const parameters = readObject(reading, item.parameters, `${path}.parameters`);
  const strict = readFlag(reading, item.strict, `${path}.strict`);
  return {
    name: requireText(reading, item.name, `${path}.name`),
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(strict === undefined ? {} : { strict }),
  };
}

const toolChoiceModes = ['auto', 'none', 'required'] as const;

/** The tool choice, legacy `function_call` included; undefined when it is absent or invalid. */
export function readToolChoice(reading: RequestReader, body: JsonObject): ToolChoice | undefined {
  const { tool_choice: choice, function_call: legacy } = body;
  if (isGiven(choice)) return readChoice(reading, choice);
  if (!isGiven(legacy)) return undefined;
  if (typeof legacy === 'string') {
    const type = readEnum(reading, legacy, 'function_call', ['auto', 'none']);
    return type && { type };
  }
  if (!isObject(legacy)) return wrongType(reading, legacy, 'function_call', 'auto, none or an object with a name');
  return { type: 'tool', name: requireText(reading, legacy.name, 'function_call.name') };
}

function readChoice(reading: RequestReader, choice: Exclude<Json, null>): ToolChoice | undefined {
  if (typeof choice === 'string') {
    // Mistral's name for `required`.
    const type = choice === 'any' ? 'required' : readEnum(reading, choice, 'tool_choice', toolChoiceModes);
    return type && { type };
  }
  if (!isObject(choice)) return wrongType(reading, choice, 'tool_choice', 'a string or an object');
  switch (choice.type) {
    case 'function':
    case 'custom': {
      const path = `tool_choice.${choice.type}`;
      if (!requireGiven(reading, choice[choice.type], path, 'an object with a name')) return undefined;
      const named = readObject(reading, choice[choice.type], path) ?? {};
      return { type: 'tool', name: requireText(reading, named.name, `${path}.name`) };
    }
    case 'allowed_tools':
      return readAllowed(reading, choice);
    default:
      if (!requireGiven(reading, choice.type, 'tool_choice.type', 'function')) return undefined;
      return refuse(reading, 'invalid_value', 'tool_choice.type', 'tool_choice.type must be one of function, custom, allowed_tools.');
  }
}

/** The mode of an allowed-tools choice. The subset of tools has no place in the vocabulary. */
function readAllowed(reading: RequestReader, choice: JsonObject): ToolChoice | undefined {
  const path = 'tool_choice.allowed_tools';
  if (!requireGiven(reading, choice.allowed_tools, path, 'an object with a mode and tools')) return undefined;
  const allowed = readObject(reading, choice.allowed_tools, path) ?? {};
  readList(reading, allowed.tools, `${path}.tools`);
  noteUnmapped(reading, `${path}.tools`);
  if (!requireGiven(reading, allowed.mode, `${path}.mode`, 'auto or required')) return undefined;
  const type = readEnum(reading, allowed.mode, `${path}.mode`, ['auto', 'required']);
  return type && { type };
}

/** Whether several calls at once are allowed; undefined when the request does not say. */
export const readParallel = (reading: RequestReader, body: JsonObject): boolean | undefined =>
  readFlag(reading, body.parallel_tool_calls, 'parallel_tool_calls');
