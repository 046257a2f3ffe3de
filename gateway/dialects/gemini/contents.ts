/** Reads the contents of a caller as messages. */
import type { MediaSource, Message, Part } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { readBase64 } from '../openai/content.ts';
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
} from '../openai/request-reader.ts';
import { toCamelCaseMembers } from './members.ts';

interface Context {
  readonly reading: RequestReader;
  /** Ids of calls without a result yet, by function name, because some callers send no ids. */
  readonly unansweredCallIds: Map<string, string[]>;
  calls: number;
}

export function readContents(
  reading: RequestReader,
  body: JsonObject,
): { readonly messages: readonly Message[]; readonly messagePaths: readonly string[] } {
  const context: Context = { reading, unansweredCallIds: new Map(), calls: 0 };
  const messages: Message[] = [];
  const messagePaths: string[] = [];
  const { systemInstruction: prompt } = body;
  if (isGiven(prompt)) {
    const content =
      typeof prompt === 'string' ? [{ type: 'text' as const, text: prompt }] : readParts(context, prompt, 'systemInstruction');
    if (content.length > 0) {
      messages.push({ role: 'system', content });
      messagePaths.push('systemInstruction');
    }
  }
  requireGiven(reading, body.contents, 'contents', 'an array of contents');
  const contents = isObject(body.contents) ? [body.contents] : body.contents;
  if (readList(reading, contents, 'contents')?.length === 0)
    refuse(reading, 'invalid_value', 'contents', 'contents must hold at least one content.');
  for (const [content, path] of readObjects(reading, contents, 'contents')) {
    noteUnknownMembers(reading, content, ['role', 'parts'], path);
    const role = readEnum(reading, content.role, `${path}.role`, ['user', 'model', 'function', 'tool', 'system']) ?? 'user';
    const parts = readParts(context, content, path);
    const onlyResults = parts.length > 0 && parts.every(part => part.type === 'tool-result');
    messages.push({ role: role === 'model' ? 'assistant' : onlyResults ? 'tool' : role === 'system' ? role : 'user', content: parts });
    messagePaths.push(path);
  }
  return { messages, messagePaths };
}

function readParts(context: Context, content: Json, path: string): readonly Part[] {
  const { parts } = readObject(context.reading, content, path) ?? {};
  const list = isObject(parts) ? [parts] : parts;
  const out: Part[] = [];
  for (const [part, at] of readObjects(context.reading, list, `${path}.parts`))
    out.push(...readPart(context, toCamelCaseMembers(part), at, out));
  return out;
}

const partKinds = ['text', 'inlineData', 'fileData', 'functionCall', 'functionResponse'] as const;
const partModifiers = ['thought', 'thoughtSignature', 'partMetadata', 'mediaResolution', 'videoMetadata'];

function readPart(context: Context, part: JsonObject, path: string, previous: Part[]): readonly Part[] {
  const { reading } = context;
  const kind = partKinds.find(name => isGiven(part[name]));
  if (kind === undefined) {
    // Code that Google ran itself, and future kinds.
    noteUnmapped(reading, path);
    return [];
  }
  noteUnknownMembers(reading, part, [kind, ...partModifiers.slice(0, 2)], path);
  const signature = readText(reading, part.thoughtSignature, `${path}.thoughtSignature`) || undefined;
  switch (kind) {
    case 'text':
      return readTextPart(reading, part, path, signature, previous);
    case 'inlineData':
      return readInline(reading, part, path);
    case 'fileData':
      return readFileData(reading, part, path);
    case 'functionCall':
      return [
        readCall(
          context,
          toCamelCaseMembers(readObject(reading, part.functionCall, `${path}.functionCall`) ?? {}),
          `${path}.functionCall`,
          signature,
        ),
      ];
    case 'functionResponse':
      return [
        readResult(
          context,
          toCamelCaseMembers(readObject(reading, part.functionResponse, `${path}.functionResponse`) ?? {}),
          `${path}.functionResponse`,
        ),
      ];
  }
}

/** A signature on a text part belongs to the reasoning before it. */
function readTextPart(
  reading: RequestReader,
  part: JsonObject,
  path: string,
  signature: string | undefined,
  previous: Part[],
): readonly Part[] {
  const text = readText(reading, part.text, `${path}.text`) ?? '';
  const signed = signature === undefined ? {} : { signature };
  if (readFlag(reading, part.thought, `${path}.thought`)) return text === '' && !signature ? [] : [{ type: 'reasoning', text, ...signed }];
  const textParts: readonly Part[] = text === '' ? [] : [{ type: 'text', text }];
  if (signature === undefined) return textParts;
  const last = previous.at(-1);
  if (textParts.length === 0 && last?.type === 'reasoning' && last.signature === undefined) {
    previous.pop();
    return [{ ...last, signature }];
  }
  return [...textParts, { type: 'reasoning', text: '', signature }];
}

function readInline(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  const at = `${path}.inlineData`;
  const { mimeType, data, displayName } = toCamelCaseMembers(readObject(reading, part.inlineData, at) ?? {});
  const mediaType = requireText(reading, mimeType, `${at}.mimeType`).toLowerCase();
  const standard = requireText(reading, data, `${at}.data`).replaceAll('-', '+').replaceAll('_', '/');
  const bytes = readBase64(reading, standard, `${at}.data`);
  const name = readText(reading, displayName, `${at}.displayName`);
  return mediaOf(reading, { type: 'inline', mediaType, data: bytes }, mediaType, at, name);
}

function readFileData(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  const at = `${path}.fileData`;
  const { mimeType, fileUri } = toCamelCaseMembers(readObject(reading, part.fileData, at) ?? {});
  const uri = requireText(reading, fileUri, `${at}.fileUri`);
  // A name without a scheme is a file stored at the target.
  const stored = /(?:^|generativelanguage\.googleapis\.com\/v\w+\/)(files\/[\w-]+)$/.exec(uri)?.[1] ?? /^[\w./-]{1,200}$/.exec(uri)?.[0];
  if (!stored && !/^(?:https?|gs):\/\//i.test(uri)) refuse(reading, 'invalid_value', `${at}.fileUri`, `${at}.fileUri must be a URL.`);
  const source: MediaSource = stored ? { type: 'file', id: stored } : { type: 'url', url: uri };
  return mediaOf(reading, source, readText(reading, mimeType, `${at}.mimeType`) ?? 'application/pdf', at, undefined);
}

function mediaOf(reading: RequestReader, source: MediaSource, mediaType: string, path: string, name: string | undefined): readonly Part[] {
  if (mediaType.startsWith('image/')) return [{ type: 'image', source }];
  if (mediaType.startsWith('audio/')) return [{ type: 'audio', source }];
  if (!mediaType.startsWith('video/')) return [{ type: 'document', source, ...(name === undefined ? {} : { name }) }];
  // Only Google accepts video.
  noteUnmapped(reading, path);
  return [];
}

function readCall(context: Context, call: JsonObject, path: string, signature: string | undefined): Part {
  const { reading, unansweredCallIds } = context;
  noteUnknownMembers(reading, call, ['id', 'name', 'args'], path);
  const name = requireText(reading, call.name, `${path}.name`);
  const id = readText(reading, call.id, `${path}.id`) || `call_${name.replace(/[^\w-]/g, '_').slice(0, 24)}_${context.calls++}`;
  unansweredCallIds.set(name, [...(unansweredCallIds.get(name) ?? []), id]);
  const args = JSON.stringify(readObject(reading, call.args, `${path}.args`) ?? {});
  return { type: 'tool-call', id, name, arguments: args, ...(signature === undefined ? {} : { signature }) };
}

function readResult(context: Context, result: JsonObject, path: string): Part {
  const { reading, unansweredCallIds } = context;
  noteUnknownMembers(reading, result, ['id', 'name', 'response', 'parts'], path);
  const name = requireText(reading, result.name, `${path}.name`);
  const [next, ...rest] = unansweredCallIds.get(name) ?? [];
  const id = readText(reading, result.id, `${path}.id`) || next || `call_${name.replace(/[^\w-]/g, '_').slice(0, 24)}`;
  unansweredCallIds.set(name, id === next ? rest : (unansweredCallIds.get(name) ?? []).filter(known => known !== id));
  const response = readObject(reading, result.response, `${path}.response`) ?? {};
  const media = isGiven(result.parts) ? readParts(context, { parts: result.parts }, path) : [];
  const text = resultText(response);
  const content: Part[] = [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...media];
  return { type: 'tool-result', id, name, content, ...(Object.hasOwn(response, 'error') ? { failed: true } : {}) };
}

/** By Google's convention the result is the member `output`, or `error` for a failure. */
function resultText(response: JsonObject): string {
  const members = Object.keys(response);
  const [only] = members;
  if (members.length === 0) return '';
  if (members.length > 1 || (only !== 'output' && only !== 'error' && only !== 'result')) return JSON.stringify(response);
  const value = response[only];
  return typeof value === 'string' ? value : JSON.stringify(value);
}
