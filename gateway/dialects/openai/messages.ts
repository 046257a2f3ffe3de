/** Reads the messages of a caller, in all versions of the format. */
import type { Message, Part } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { unwrapSignature } from '../../core/chat/reasoning-signature.ts';
import { readContent } from './content.ts';
import {
  isGiven,
  noteUnknownMembers,
  type RequestReader,
  readEnum,
  readList,
  readObject,
  readObjects,
  readText,
  refuse,
  requireGiven,
  requireText,
} from './request-reader.ts';

const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;

export function readMessages(reading: RequestReader, value: Json | undefined): readonly Message[] {
  const plain = plainMessages(value);
  if (plain) return plain;
  if (!requireGiven(reading, value, 'messages', 'an array of messages')) return [];
  const list = readList(reading, value, 'messages');
  if (list?.length === 0) refuse(reading, 'invalid_value', 'messages', 'messages must hold at least one message.');
  /** The last call of each function, for results with a function name only. */
  const called = new Map<string, string>();
  return readObjects(reading, value, 'messages').flatMap(([message, path]) => readMessage(reading, message, path, called));
}

const plainRoles: readonly unknown[] = ['system', 'developer', 'user', 'assistant'] satisfies readonly Message['role'][];

/** Messages that say a role and a text and nothing else, as most do; undefined when one says more. */
function plainMessages(value: Json | undefined): readonly Message[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const messages: Message[] = [];
  for (const message of value as readonly Json[]) {
    if (!isObject(message)) return undefined;
    const { role, content } = message;
    if (typeof content !== 'string' || content === '' || !plainRoles.includes(role)) return undefined;
    for (const member in message) if (member !== 'role' && member !== 'content') return undefined;
    messages.push({ role: role as Message['role'], content: [{ type: 'text', text: content }] });
  }
  return messages;
}

function readMessage(reading: RequestReader, message: JsonObject, path: string, namesById: Map<string, string>): readonly Message[] {
  if (!requireGiven(reading, message.role, `${path}.role`, `one of ${roles.join(', ')}`)) return [];
  const role = readEnum(reading, message.role, `${path}.role`, roles);
  switch (role) {
    case undefined:
      return [];
    case 'assistant':
      return [readAssistant(reading, message, path, namesById)];
    case 'tool':
      return [readResult(reading, message, path)];
    case 'function':
      return [readFunctionResult(reading, message, path, namesById)];
    default: {
      noteUnknownMembers(reading, message, ['role', 'content', 'name'], path);
      return [{ role, content: requireContent(reading, message, path), ...nameOf(reading, message, path) }];
    }
  }
}

function requireContent(reading: RequestReader, message: JsonObject, path: string): readonly Part[] {
  requireGiven(reading, message.content, `${path}.content`, 'a string or an array of content parts');
  return readContent(reading, message.content, `${path}.content`);
}

function nameOf(reading: RequestReader, message: JsonObject, path: string): { readonly name?: string } {
  const name = readText(reading, message.name, `${path}.name`);
  return name === undefined ? {} : { name };
}

/** Members of a previous response that mean nothing for the next turn. */
const ignoredMembers = ['annotations', 'audio'];
const assistantMembers = [
  'role',
  'content',
  'name',
  'refusal',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'tool_calls',
  'function_call',
  ...ignoredMembers,
];

function readAssistant(reading: RequestReader, message: JsonObject, path: string, called: Map<string, string>): Message {
  noteUnknownMembers(reading, message, assistantMembers, path);
  const thought =
    readText(reading, message.reasoning_content, `${path}.reasoning_content`) || readText(reading, message.reasoning, `${path}.reasoning`);
  const refusal = readText(reading, message.refusal, `${path}.refusal`);
  const calls = readCalls(reading, message, path, called);
  if (calls.length === 0 && !refusal && !isGiven(message.audio)) {
    requireGiven(reading, message.content, `${path}.content`, 'a string or an array of content parts, where there are no tool_calls');
  }
  const content: Part[] = [
    ...reasoningPartsOf(reading, message, thought, path),
    ...readContent(reading, message.content, `${path}.content`),
    ...(refusal ? [{ type: 'refusal', text: refusal } as const] : []),
    ...calls,
  ];
  return { role: 'assistant', content, ...nameOf(reading, message, path) };
}

/** Reasoning with a signature of ours keeps it; any other reasoning is read as text only. */
function reasoningPartsOf(reading: RequestReader, message: JsonObject, text: string | undefined, path: string): readonly Part[] {
  const plain: readonly Part[] = text ? [{ type: 'reasoning', text }] : [];
  const details = readObjects(reading, message.reasoning_details, `${path}.reasoning_details`);
  let open = '';
  const signed = details.flatMap(([detail]): readonly Part[] => {
    const { text: piece, signature, data } = detail;
    if (typeof data === 'string' && unwrapSignature(data)) return [{ type: 'reasoning', text: '', redacted: data }];
    // Streams send reasoning in deltas, and its signature with the last one.
    open += typeof piece === 'string' ? piece : '';
    if (typeof signature !== 'string' || !unwrapSignature(signature)) return [];
    const thought = open;
    open = '';
    return [{ type: 'reasoning', text: thought, signature }];
  });
  return signed.length > 0 ? signed : plain;
}

function readCalls(reading: RequestReader, message: JsonObject, path: string, called: Map<string, string>): readonly Part[] {
  const calls: Part[] = readObjects(reading, message.tool_calls, `${path}.tool_calls`).map(([call, at]) => readCall(reading, call, at));
  const legacy = readObject(reading, message.function_call, `${path}.function_call`);
  if (legacy) {
    const name = requireText(reading, legacy.name, `${path}.function_call.name`);
    const id = `call_${path.replace(/\D/g, '')}`;
    called.set(name, id);
    calls.push({ type: 'tool-call', id, name, arguments: requireArguments(reading, legacy.arguments, `${path}.function_call.arguments`) });
  }
  return calls;
}

function readCall(reading: RequestReader, call: JsonObject, path: string): Part {
  noteUnknownMembers(reading, call, ['id', 'type', 'index', 'function', 'custom', 'extra_content'], path);
  const id = requireText(reading, call.id, `${path}.id`);
  const type = readEnum(reading, call.type ?? 'function', `${path}.type`, ['function', 'custom']) ?? 'function';
  requireGiven(reading, call[type], `${path}.${type}`, 'an object with a name');
  const called = readObject(reading, call[type], `${path}.${type}`) ?? {};
  const input = type === 'custom' ? 'input' : 'arguments';
  const google = readObject(
    reading,
    readObject(reading, call.extra_content, `${path}.extra_content`)?.google,
    `${path}.extra_content.google`,
  );
  const signature = readText(reading, google?.thought_signature, `${path}.extra_content.google.thought_signature`);
  return {
    type: 'tool-call',
    id,
    name: requireText(reading, called.name, `${path}.${type}.name`),
    arguments: requireArguments(reading, called[input], `${path}.${type}.${input}`),
    ...(type === 'custom' ? { freeform: true as const } : {}),
    ...(signature ? { signature } : {}),
  };
}

/** JSON text, possibly empty or invalid, because the model wrote it. */
function requireArguments(reading: RequestReader, value: Json | undefined, param: string): string {
  requireGiven(reading, value, param, 'a string of JSON');
  return readText(reading, value, param) ?? '';
}

function readResult(reading: RequestReader, message: JsonObject, path: string): Message {
  noteUnknownMembers(reading, message, ['role', 'content', 'name', 'tool_call_id'], path);
  const id = requireText(reading, message.tool_call_id, `${path}.tool_call_id`);
  const content = requireContent(reading, message, path);
  return { role: 'tool', content: [{ type: 'tool-result', id, ...nameOf(reading, message, path), content }] };
}

function readFunctionResult(reading: RequestReader, message: JsonObject, path: string, called: ReadonlyMap<string, string>): Message {
  noteUnknownMembers(reading, message, ['role', 'content', 'name'], path);
  const name = requireText(reading, message.name, `${path}.name`);
  const id = called.get(name) ?? `call_${name.slice(0, 30)}`;
  return { role: 'tool', content: [{ type: 'tool-result', id, name, content: readContent(reading, message.content, `${path}.content`) }] };
}
