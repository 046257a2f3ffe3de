/** Reads the tools of a Responses request: functions, freeform tools, namespaces of both, and the search for further tools. */
import type { Tool, ToolChoice } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { qualifiedName } from '../../core/chat/tool-forms.ts';
import { definedMembers } from '../openai/request.ts';
import {
  isGiven,
  noteUnknownMembers,
  noteUnmapped,
  type RequestReader,
  readEnum,
  readFlag,
  readObject,
  readObjects,
  readText,
  requireGiven,
  requireText,
  wrongType,
} from '../openai/request-reader.ts';

type Namespace = NonNullable<NonNullable<Tool['form']>['namespace']>;

/** Tools that OpenAI runs itself are noted as unmapped. */
export function readTools(reading: RequestReader, value: Json | undefined, param: string, namespace?: Namespace): readonly Tool[] {
  return readObjects(reading, value, param).flatMap(([tool, path]): readonly Tool[] => {
    switch (readText(reading, tool.type, `${path}.type`)) {
      case 'function':
        return [readFunction(reading, tool, path, namespace)];
      case 'custom':
        return [readFreeform(reading, tool, path, namespace)];
      case 'namespace':
        return readNamespace(reading, tool, path);
      case 'tool_search':
        if (tool.execution === 'client') return [readSearch(reading, tool, path)];
        noteUnmapped(reading, path);
        return [];
      default:
        noteUnmapped(reading, path);
        return [];
    }
  });
}

function readFunction(reading: RequestReader, tool: JsonObject, path: string, namespace: Namespace | undefined): Tool {
  noteUnknownMembers(reading, tool, ['type', 'name', 'description', 'parameters', 'strict', 'defer_loading', 'output_schema'], path);
  const deferred = readFlag(reading, tool.defer_loading, `${path}.defer_loading`) ? { deferred: true as const } : {};
  const isPlain = namespace === undefined && !deferred.deferred;
  return {
    name: qualifiedName(namespace?.name, requireText(reading, tool.name, `${path}.name`)),
    ...definedMembers({
      description: readText(reading, tool.description, `${path}.description`),
      parameters: readObject(reading, tool.parameters, `${path}.parameters`),
      strict: readFlag(reading, tool.strict, `${path}.strict`),
    }),
    ...(isPlain ? {} : { form: { type: 'function' as const, path, ...(namespace ? { namespace } : {}), ...deferred } }),
  };
}

function readFreeform(reading: RequestReader, tool: JsonObject, path: string, namespace: Namespace | undefined): Tool {
  noteUnknownMembers(reading, tool, ['type', 'name', 'description', 'format', 'defer_loading'], path);
  const format = readObject(reading, tool.format, `${path}.format`);
  const deferred = readFlag(reading, tool.defer_loading, `${path}.defer_loading`) ? { deferred: true as const } : {};
  return {
    name: qualifiedName(namespace?.name, requireText(reading, tool.name, `${path}.name`)),
    ...definedMembers({ description: readText(reading, tool.description, `${path}.description`) }),
    form: { type: 'freeform', path, ...(format ? { format } : {}), ...(namespace ? { namespace } : {}), ...deferred },
  };
}

function readNamespace(reading: RequestReader, tool: JsonObject, path: string): readonly Tool[] {
  noteUnknownMembers(reading, tool, ['type', 'name', 'description', 'tools'], path);
  const name = requireText(reading, tool.name, `${path}.name`);
  const description = readText(reading, tool.description, `${path}.description`);
  return readTools(reading, tool.tools, `${path}.tools`, { name, ...(description === undefined ? {} : { description }) });
}

/** The client runs the search, so that it is a call like any other. */
function readSearch(reading: RequestReader, tool: JsonObject, path: string): Tool {
  noteUnknownMembers(reading, tool, ['type', 'execution', 'description', 'parameters'], path);
  return {
    name: searchToolName,
    ...definedMembers({
      description: readText(reading, tool.description, `${path}.description`),
      parameters: readObject(reading, tool.parameters, `${path}.parameters`),
    }),
    form: { type: 'search', path },
  };
}

/** It has no name of its own in this format. */
export const searchToolName = 'tool_search';

/** The tool choice; undefined when it is absent or invalid, which the reading keeps. */
export function readToolChoice(reading: RequestReader, choice: Json | undefined): ToolChoice | undefined {
  if (!isGiven(choice)) return undefined;
  if (typeof choice === 'string') {
    const type = readEnum(reading, choice, 'tool_choice', ['auto', 'none', 'required']);
    return type && { type };
  }
  if (!isObject(choice)) return wrongType(reading, choice, 'tool_choice', 'a string or an object');
  switch (choice.type) {
    case 'function':
    case 'custom': {
      const namespace = readText(reading, choice.namespace, 'tool_choice.namespace');
      return { type: 'tool', name: qualifiedName(namespace, requireText(reading, choice.name, 'tool_choice.name')) };
    }
    case 'allowed_tools': {
      noteUnmapped(reading, 'tool_choice.tools');
      const type = readEnum(reading, choice.mode, 'tool_choice.mode', ['auto', 'required']);
      return type && { type };
    }
    default:
      requireGiven(reading, choice.type, 'tool_choice.type', 'function, custom or allowed_tools');
      noteUnmapped(reading, 'tool_choice');
      return undefined;
  }
}
