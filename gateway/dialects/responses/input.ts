/** Reads input items as messages. The model's consecutive text, reasoning and calls become one message. */
import type { ChatRequest, Message, Part, Tool } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { qualifiedName } from '../../core/chat/tool-forms.ts';
import { sourceOf } from '../openai/content.ts';
import {
  isGiven,
  noteUnknownMembers,
  noteUnmapped,
  type RequestReader,
  readEnum,
  readObjects,
  readText,
  refuse,
  requireGiven,
  requireText,
  wrongType,
} from '../openai/request-reader.ts';
import { readTools, searchToolName } from './tools.ts';

export interface ParsedInput {
  readonly messages: readonly Message[];
  readonly messagePaths: readonly string[];
  /** Items that refer to the target's own store. */
  readonly bound: readonly string[];
  /** Items in other words. */
  readonly restated: NonNullable<ChatRequest['restated']>;
  /** Tools that the input adds. */
  readonly tools: readonly Tool[];
}

interface InputBuilder {
  readonly messages: { role: Message['role']; content: Part[] }[];
  readonly messagePaths: string[];
  readonly bound: string[];
  readonly restated: { field: string; detail: string }[];
  readonly tools: Tool[];
}

export function readInput(reading: RequestReader, body: JsonObject): ParsedInput {
  const into: InputBuilder = { messages: [], messagePaths: [], bound: [], restated: [], tools: [] };
  const instructions = readText(reading, body.instructions, 'instructions');
  if (instructions) addMessage(into, 'system', [{ type: 'text', text: instructions }], 'instructions');
  const { input } = body;
  if (typeof input === 'string') addMessage(into, 'user', [{ type: 'text', text: input }], 'input');
  else if (Array.isArray(input)) for (const [item, path] of readObjects(reading, input, 'input')) readItem(reading, item, path, into);
  else if (isGiven(input)) wrongType(reading, input, 'input', 'a string or an array of items');
  else if (!isGiven(body.prompt) && !isGiven(body.previous_response_id))
    requireGiven(reading, input, 'input', 'a string or an array of items');
  return into;
}

function addMessage({ messages, messagePaths }: InputBuilder, role: Message['role'], content: readonly Part[], path: string): void {
  messages.push({ role, content: [...content] });
  messagePaths.push(path);
}

/** Consecutive items of the model are joined into one turn. */
function addAssistantContent(into: InputBuilder, content: readonly Part[], path: string): void {
  const last = into.messages.at(-1);
  if (last?.role === 'assistant') last.content.push(...content);
  else addMessage(into, 'assistant', content, path);
}

function readItem(reading: RequestReader, item: JsonObject, path: string, into: InputBuilder): void {
  switch (readText(reading, item.type, `${path}.type`) ?? 'message') {
    case 'message':
      return readMessage(reading, item, path, into);
    case 'function_call':
      noteUnknownMembers(reading, item, ['type', 'id', 'call_id', 'name', 'namespace', 'arguments', 'status'], path);
      return addAssistantContent(into, [readCall(reading, item, item.arguments, path)], path);
    case 'custom_tool_call':
      noteUnknownMembers(reading, item, ['type', 'id', 'call_id', 'name', 'namespace', 'input', 'status'], path);
      return addAssistantContent(into, [{ ...readCall(reading, item, item.input, path), freeform: true }], path);
    case 'tool_search_call':
    case 'tool_search_output':
    case 'additional_tools':
    case 'mcp_call':
      return readToolItem(reading, item, path, into);
    case 'function_call_output':
    case 'custom_tool_call_output': {
      noteUnknownMembers(reading, item, ['type', 'id', 'call_id', 'name', 'output', 'status'], path);
      const id = requireText(reading, item.call_id, `${path}.call_id`);
      return addMessage(into, 'tool', [{ type: 'tool-result', id, content: readContent(reading, item.output, `${path}.output`) }], path);
    }
    case 'reasoning':
      return addAssistantContent(into, readReasoning(reading, item, path), path);
    case 'item_reference':
      into.bound.push(path);
      return;
    default:
      // Items of tools that OpenAI runs itself; only OpenAI accepts them.
      noteUnmapped(reading, path);
  }
}

function readMessage(reading: RequestReader, item: JsonObject, path: string, into: InputBuilder): void {
  noteUnknownMembers(reading, item, ['type', 'id', 'role', 'content', 'status', 'phase'], path);
  if (!requireGiven(reading, item.role, `${path}.role`, 'user, assistant, system or developer')) return;
  const role = readEnum(reading, item.role, `${path}.role`, ['user', 'assistant', 'system', 'developer']);
  requireGiven(reading, item.content, `${path}.content`, 'a string or an array of content parts');
  const content = readContent(reading, item.content, `${path}.content`);
  if (role === 'assistant') addAssistantContent(into, content, path);
  else if (role !== undefined) addMessage(into, role, content, path);
}

/** Searches for tools, tools that were found or added, and calls that OpenAI made itself. */
function readToolItem(reading: RequestReader, item: JsonObject, path: string, into: InputBuilder): void {
  if (item.type === 'additional_tools') {
    into.tools.push(...readTools(reading, item.tools, `${path}.tools`));
    into.restated.push({ field: path, detail: 'Sent among the tools of the request.' });
    return;
  }
  // A search that OpenAI ran has no id, and its tools go with the response that made it.
  const id = readText(reading, item.call_id, `${path}.call_id`) ?? readText(reading, item.id, `${path}.id`);
  if (!id || (item.type !== 'mcp_call' && item.execution !== 'client')) return noteUnmapped(reading, path);
  const given = typeof item.arguments === 'string' ? item.arguments : JSON.stringify(item.arguments ?? {});
  if (item.type === 'tool_search_call') {
    return addAssistantContent(into, [{ type: 'tool-call', id, name: searchToolName, arguments: given }], path);
  }
  if (item.type === 'tool_search_output') {
    const found = readTools(reading, item.tools, `${path}.tools`);
    into.tools.push(...found.filter(({ name }) => !into.tools.some(tool => tool.name === name)));
    const text = `Found: ${found.map(({ name }) => name).join(', ') || 'nothing'}`;
    return addMessage(into, 'tool', [{ type: 'tool-result', id, name: searchToolName, content: [{ type: 'text', text }] }], path);
  }
  const name = qualifiedName(readText(reading, item.server_label, `${path}.server_label`), requireText(reading, item.name, `${path}.name`));
  addAssistantContent(into, [{ type: 'tool-call', id, name, arguments: given }], path);
  const output = readText(reading, item.output, `${path}.output`) ?? (isGiven(item.error) ? JSON.stringify(item.error) : '');
  const failed = isGiven(item.error) ? { failed: true } : {};
  addMessage(into, 'tool', [{ type: 'tool-result', id, name, content: [{ type: 'text', text: output }], ...failed }], path);
  into.restated.push({ field: path, detail: 'Sent as a call and its result: OpenAI made it by itself.' });
}

function readCall(reading: RequestReader, item: JsonObject, input: Json | undefined, path: string): Part & { type: 'tool-call' } {
  const namespace = readText(reading, item.namespace, `${path}.namespace`);
  return {
    type: 'tool-call',
    id: requireText(reading, item.call_id, `${path}.call_id`),
    name: qualifiedName(namespace, requireText(reading, item.name, `${path}.name`)),
    arguments: readText(reading, input, `${path}.arguments`) ?? '',
  };
}

/** Without encrypted content, reasoning is read from its summary. */
function readReasoning(reading: RequestReader, item: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, item, ['type', 'id', 'summary', 'content', 'encrypted_content', 'status'], path);
  const textsOf = (member: 'summary' | 'content'): readonly string[] =>
    readObjects(reading, item[member], `${path}.${member}`).map(([part, at]) => readText(reading, part.text, `${at}.text`) ?? '');
  const summary = textsOf('summary').join('\n\n');
  const text = summary === '' ? textsOf('content').join('') : summary;
  const signature = readText(reading, item.encrypted_content, `${path}.encrypted_content`);
  return text === '' && !signature ? [] : [{ type: 'reasoning', text, ...(signature ? { signature } : {}) }];
}

function readContent(reading: RequestReader, value: Json | undefined, param: string): readonly Part[] {
  if (!isGiven(value)) return [];
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  if (!Array.isArray(value)) {
    wrongType(reading, value, param, 'a string or an array of content parts');
    return [];
  }
  return readObjects(reading, value, param).flatMap(([part, path]) => readPart(reading, part, path));
}

function readPart(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  if (!requireGiven(reading, part.type, `${path}.type`, 'input_text, input_image, input_file, output_text or refusal')) return [];
  switch (readText(reading, part.type, `${path}.type`)) {
    case 'input_text':
    case 'output_text':
    case 'text': {
      noteUnknownMembers(reading, part, ['type', 'text', 'annotations', 'logprobs'], path);
      requireGiven(reading, part.text, `${path}.text`, 'a string');
      const citations = readObjects(reading, part.annotations, `${path}.annotations`).map(([raw]) => ({ raw }));
      const text = readText(reading, part.text, `${path}.text`) ?? '';
      return [{ type: 'text', text, ...(citations.length > 0 ? { citations } : {}) }];
    }
    case 'refusal':
      return [{ type: 'refusal', text: requireText(reading, part.refusal, `${path}.refusal`) }];
    case 'input_image':
      return readImage(reading, part, path);
    case 'input_file':
      return readFile(reading, part, path);
    default:
      noteUnmapped(reading, path);
      return [];
  }
}

function readImage(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, part, ['type', 'image_url', 'file_id', 'detail'], path);
  const detail = readText(reading, part.detail, `${path}.detail`);
  const imageDetail = detail === undefined ? {} : { detail };
  const id = readText(reading, part.file_id, `${path}.file_id`);
  if (id) return [{ type: 'image', source: { type: 'file', id }, ...imageDetail }];
  const source = sourceOf(reading, requireText(reading, part.image_url, `${path}.image_url`), `${path}.image_url`);
  return source ? [{ type: 'image', source, ...imageDetail }] : [];
}

function readFile(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, part, ['type', 'file_id', 'file_data', 'file_url', 'filename'], path);
  const name = readText(reading, part.filename, `${path}.filename`);
  const fileName = name === undefined ? {} : { name };
  const id = readText(reading, part.file_id, `${path}.file_id`);
  if (id) return [{ type: 'document', source: { type: 'file', id }, ...fileName }];
  const url = readText(reading, part.file_url, `${path}.file_url`);
  if (url && !/^https?:\/\//i.test(url))
    refuse(reading, 'invalid_value', `${path}.file_url`, `${path}.file_url must begin with https:// or http://.`);
  if (url) return [{ type: 'document', source: { type: 'url', url }, ...fileName }];
  const source = sourceOf(reading, requireText(reading, part.file_data, `${path}.file_data`), `${path}.file_data`);
  return source ? [{ type: 'document', source, ...fileName }] : [];
}
