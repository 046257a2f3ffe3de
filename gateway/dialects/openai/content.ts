/** Reads the content of a message: a text, or parts of text, images, documents and audio. */
import type { MediaSource, Part } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import {
  isGiven,
  noteUnknownMembers,
  noteUnmapped,
  type RequestReader,
  readObject,
  readObjects,
  readText,
  refuse,
  requireGiven,
  requireText,
  wrongType,
} from './request-reader.ts';

/** The parts of a message's content; [] when it is absent or invalid, which the reading keeps. */
export function readContent(reading: RequestReader, value: Json | undefined, param: string): readonly Part[] {
  if (!isGiven(value)) return [];
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  if (!Array.isArray(value)) {
    wrongType(reading, value, param, 'a string or an array of content parts');
    return [];
  }
  return readObjects(reading, value, param).flatMap(([part, path]) => readPart(reading, part, path));
}

function readPart(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  if (!requireGiven(reading, part.type, `${path}.type`, 'text, image_url, input_audio or file')) return [];
  const type = readText(reading, part.type, `${path}.type`);
  switch (type) {
    case undefined:
      return [];
    case 'text':
      noteUnknownMembers(reading, part, ['type', 'text'], path);
      requireGiven(reading, part.text, `${path}.text`, 'a string');
      return [{ type, text: readText(reading, part.text, `${path}.text`) ?? '' }];
    case 'refusal':
      noteUnknownMembers(reading, part, ['type', 'refusal'], path);
      return [{ type, text: requireText(reading, part.refusal, `${path}.refusal`) }];
    case 'image_url':
      return readImage(reading, part, path);
    case 'input_audio':
      return readAudio(reading, part, path);
    case 'file':
      return readFile(reading, part, path);
    case 'thinking':
      return readReasoningPart(reading, part, path);
    default:
      // Vendors have further kinds, such as video, which a target of the same wire format may know.
      noteUnmapped(reading, path);
      return [];
  }
}

function readImage(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, part, ['type', 'image_url'], path);
  const at = `${path}.image_url`;
  if (!requireGiven(reading, part.image_url, at, 'an object with a url')) return [];
  const image = typeof part.image_url === 'string' ? { url: part.image_url } : (readObject(reading, part.image_url, at) ?? {});
  noteUnknownMembers(reading, image, ['url', 'detail'], at);
  const source = sourceOf(reading, requireText(reading, image.url, `${at}.url`), `${at}.url`);
  const detail = readText(reading, image.detail, `${at}.detail`);
  return source ? [{ type: 'image', source, ...(detail === undefined ? {} : { detail }) }] : [];
}

function readAudio(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, part, ['type', 'input_audio'], path);
  const at = `${path}.input_audio`;
  if (!requireGiven(reading, part.input_audio, at, 'an object with data and format')) return [];
  const audio = readObject(reading, part.input_audio, at) ?? {};
  noteUnknownMembers(reading, audio, ['data', 'format'], at);
  const format = requireText(reading, audio.format, `${at}.format`);
  if (!/^[\w.+-]{0,40}$/.test(format)) refuse(reading, 'invalid_value', `${at}.format`, `${at}.format must be a name such as wav or mp3.`);
  const data = readBase64(reading, requireText(reading, audio.data, `${at}.data`), `${at}.data`);
  return [{ type: 'audio', source: { type: 'inline', mediaType: `audio/${format === 'mp3' ? 'mpeg' : format}`, data } }];
}

/** The part of a `file` content part; [] when it is invalid, which the reading keeps. */
export function readFile(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  noteUnknownMembers(reading, part, ['type', 'file'], path);
  const at = `${path}.file`;
  if (!requireGiven(reading, part.file, at, 'an object with file_data or file_id')) return [];
  const file = readObject(reading, part.file, at) ?? {};
  noteUnknownMembers(reading, file, ['file_id', 'file_data', 'filename'], at);
  const id = readText(reading, file.file_id, `${at}.file_id`);
  const name = readText(reading, file.filename, `${at}.filename`);
  const named = name === undefined ? {} : { name };
  if (id) return [{ type: 'document', source: { type: 'file', id }, ...named }];
  const source = sourceOf(reading, requireText(reading, file.file_data, `${at}.file_data`), `${at}.file_data`);
  return source ? [{ type: 'document', source, ...named }] : [];
}

/** Mistral's format: a list of texts. */
function readReasoningPart(reading: RequestReader, part: JsonObject, path: string): readonly Part[] {
  const at = `${path}.thinking`;
  if (typeof part.thinking === 'string') return part.thinking === '' ? [] : [{ type: 'reasoning', text: part.thinking }];
  const text = readObjects(reading, part.thinking, at)
    .map(([item, itemPath]) => readText(reading, item.text, `${itemPath}.text`) ?? '')
    .join('');
  return text === '' ? [] : [{ type: 'reasoning', text }];
}

const schemeLengthMax = 20;
const mediaTypeLengthMax = 200;

/** A `data:` URL is inline; so is bare base64 for a document, which some callers send. */
export function sourceOf(reading: RequestReader, url: string, param: string): MediaSource | undefined {
  if (reading.problem) return undefined;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url.slice(0, schemeLengthMax))?.[1]?.toLowerCase();
  if (scheme === 'data') return inlineOf(reading, url, param);
  if (scheme === 'http' || scheme === 'https' || scheme === 'gs') return { type: 'url', url };
  if (scheme === undefined && param.endsWith('.file_data')) {
    return { type: 'inline', mediaType: 'application/pdf', data: readBase64(reading, url, param) };
  }
  return refuse(reading, 'invalid_value', param, `${param} must begin with https://, http:// or data:.`);
}

function inlineOf(reading: RequestReader, url: string, param: string): MediaSource | undefined {
  const comma = url.indexOf(',');
  const head = comma < 0 || comma > mediaTypeLengthMax ? '' : url.slice('data:'.length, comma);
  const mediaType = /^([\w.+-]+\/[\w.+-]+)(?:;[^,]*)?;base64$/i.exec(head)?.[1]?.toLowerCase();
  if (mediaType === undefined) {
    return refuse(reading, 'invalid_value', param, `${param} must be of the form data:<media type>;base64,<data>.`);
  }
  return { type: 'inline', mediaType, data: readBase64(reading, url.slice(comma + 1), param) };
}

/** Removes line breaks, which some encoders insert. */
export function readBase64(reading: RequestReader, text: string, param: string): string {
  const data = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data)) refuse(reading, 'invalid_value', param, `${param} is not base64.`);
  return data;
}
