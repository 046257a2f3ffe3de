/** Reads the content blocks of a caller's turns: text, media, reasoning, calls and results. */
import type { CacheControl, MediaSource, Part } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { readBase64 } from '../openai/content.ts';
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
  refuse,
  requireGiven,
  requireText,
  wrongType,
} from '../openai/request-reader.ts';

/** The parts of a turn's content; [] when it is absent or invalid, which the reading keeps. */
export function readBlocks(reading: RequestReader, value: Json | undefined, param: string): readonly Part[] {
  if (!isGiven(value)) return [];
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  if (!Array.isArray(value)) {
    wrongType(reading, value, param, 'a string or an array of content blocks');
    return [];
  }
  return readObjects(reading, value, param).flatMap(([block, path]) => readBlock(reading, block, path));
}

function readBlock(reading: RequestReader, block: JsonObject, path: string): readonly Part[] {
  if (!requireGiven(reading, block.type, `${path}.type`, 'text, image, document, tool_use, tool_result or thinking')) return [];
  switch (readText(reading, block.type, `${path}.type`)) {
    case 'text':
      return [readTextBlock(reading, block, path)];
    case 'image':
      noteUnknownMembers(reading, block, ['type', 'source', 'cache_control'], path);
      return readSource(reading, block, path).map(source => ({ type: 'image', source, ...readCache(reading, block, path) }));
    case 'document':
      return readDocument(reading, block, path);
    case 'thinking':
      return [readThinking(reading, block, path)];
    case 'redacted_thinking':
      return [{ type: 'reasoning', text: '', redacted: requireText(reading, block.data, `${path}.data`) }];
    case 'tool_use':
      return [readCall(reading, block, path)];
    case 'tool_result':
      return [readResult(reading, block, path)];
    case 'tool_reference':
      // Deferred tools are sent with all others to targets that load none later.
      reading.restated.push({ field: path, detail: 'Sent as a text that names the tool.' });
      return [{ type: 'text', text: `The tool ${requireText(reading, block.tool_name, `${path}.tool_name`)} is there now.` }];
    default:
      // Blocks of tools that Anthropic runs itself; only Anthropic accepts them.
      noteUnmapped(reading, path);
      return [];
  }
}

function readTextBlock(reading: RequestReader, block: JsonObject, path: string): Part {
  noteUnknownMembers(reading, block, ['type', 'text', 'citations', 'cache_control'], path);
  requireGiven(reading, block.text, `${path}.text`, 'a string');
  const citations = readObjects(reading, block.citations, `${path}.citations`).map(([raw]) => ({ raw }));
  return {
    type: 'text',
    text: readText(reading, block.text, `${path}.text`) ?? '',
    ...(citations.length > 0 ? { citations } : {}),
    ...readCache(reading, block, path),
  };
}

function readThinking(reading: RequestReader, block: JsonObject, path: string): Part {
  noteUnknownMembers(reading, block, ['type', 'thinking', 'signature'], path);
  const signature = readText(reading, block.signature, `${path}.signature`);
  const text = readText(reading, block.thinking, `${path}.thinking`) ?? '';
  return { type: 'reasoning', text, ...(signature ? { signature } : {}) };
}

function readCall(reading: RequestReader, block: JsonObject, path: string): Part {
  noteUnknownMembers(reading, block, ['type', 'id', 'name', 'input', 'cache_control', 'caller'], path);
  return {
    type: 'tool-call',
    id: requireText(reading, block.id, `${path}.id`),
    name: requireText(reading, block.name, `${path}.name`),
    arguments: JSON.stringify(readObject(reading, block.input, `${path}.input`) ?? {}),
    ...readCache(reading, block, path),
  };
}

function readResult(reading: RequestReader, block: JsonObject, path: string): Part {
  noteUnknownMembers(reading, block, ['type', 'tool_use_id', 'content', 'is_error', 'cache_control'], path);
  const failed = readFlag(reading, block.is_error, `${path}.is_error`);
  return {
    type: 'tool-result',
    id: requireText(reading, block.tool_use_id, `${path}.tool_use_id`),
    content: readBlocks(reading, block.content, `${path}.content`),
    ...(failed ? { failed } : {}),
    ...readCache(reading, block, path),
  };
}

function readDocument(reading: RequestReader, block: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, block, ['type', 'source', 'title', 'citations', 'cache_control'], path);
  const name = readText(reading, block.title, `${path}.title`);
  const cited = readFlag(reading, readObject(reading, block.citations, `${path}.citations`)?.enabled, `${path}.citations.enabled`);
  return readSource(reading, block, path).map(source => ({
    type: 'document',
    source,
    ...(name === undefined ? {} : { name }),
    ...(cited ? { cited } : {}),
    ...readCache(reading, block, path),
  }));
}

/** A list with the source, or empty when it is invalid or only Anthropic knows it. */
function readSource(reading: RequestReader, block: JsonObject, path: string): readonly MediaSource[] {
  const at = `${path}.source`;
  if (!requireGiven(reading, block.source, at, 'an object with a type')) return [];
  const source = readObject(reading, block.source, at) ?? {};
  switch (readText(reading, source.type, `${at}.type`)) {
    case 'base64': {
      noteUnknownMembers(reading, source, ['type', 'media_type', 'data'], at);
      const mediaType = requireText(reading, source.media_type, `${at}.media_type`).toLowerCase();
      if (!/^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(mediaType))
        refuse(reading, 'invalid_value', `${at}.media_type`, `${at}.media_type is no media type.`);
      const data = readBase64(reading, requireText(reading, source.data, `${at}.data`), `${at}.data`);
      return [{ type: 'inline', mediaType, data }];
    }
    case 'text':
      noteUnknownMembers(reading, source, ['type', 'media_type', 'data'], at);
      return [{ type: 'inline', mediaType: 'text/plain', data: encodeBase64(requireText(reading, source.data, `${at}.data`)) }];
    case 'url': {
      const url = requireText(reading, source.url, `${at}.url`);
      if (!/^https?:\/\//i.test(url)) refuse(reading, 'invalid_value', `${at}.url`, `${at}.url must begin with https:// or http://.`);
      return [{ type: 'url', url }];
    }
    case 'file':
      return [{ type: 'file', id: requireText(reading, source.file_id, `${at}.file_id`) }];
    default:
      noteUnmapped(reading, at);
      return [];
  }
}

/** Base64 of the text's UTF-8 bytes. */
function encodeBase64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Cache control of a block; {} when there is none or it is invalid. */
export function readCache(reading: RequestReader, holder: JsonObject, path: string): { readonly cache?: CacheControl } {
  const control = readObject(reading, holder.cache_control, `${path}.cache_control`);
  if (!control) return {};
  readEnum(reading, control.type, `${path}.cache_control.type`, ['ephemeral']);
  const ttl = readText(reading, control.ttl, `${path}.cache_control.ttl`);
  return { cache: ttl === undefined ? {} : { ttl } };
}
