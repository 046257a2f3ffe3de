/** Text, reasoning and refusal of a message or delta, under the names that vendors use. */
import type { MediaPart, Part } from '../../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import { listOf, objectOf, text } from './reading.ts';

export type MessagePart = Extract<Part, { type: 'text' | 'reasoning' | 'refusal' }>;

/** In order, without empty parts. `message` is a message or a delta. */
export function messagePartsIn(message: JsonObject): readonly MessagePart[] {
  const content = contentOf(message.content);
  const textParts = content.length > 0 ? content : textPart('text', text(objectOf(message.audio).transcript));
  return [...textPart('reasoning', reasoningOf(message)), ...textParts, ...textPart('refusal', text(message.refusal))];
}

/** Several members may repeat the same reasoning; the first non-empty one is used. */
function reasoningOf(message: JsonObject): string {
  const plain = text(message.reasoning_content) || text(message.reasoning);
  if (plain !== '') return plain;
  return listOf(message.reasoning_details)
    .map(detail => text(detail.text) || text(detail.summary))
    .join('');
}

function contentOf(content: Json | undefined): readonly MessagePart[] {
  if (typeof content === 'string') return textPart('text', content);
  return listOf(content).flatMap((part): readonly MessagePart[] => {
    switch (part.type) {
      case 'thinking':
        return textPart('reasoning', thinkingText(part.thinking));
      case 'refusal':
        return textPart('refusal', text(part.refusal));
      default:
        return textPart('text', text(part.text));
    }
  });
}

/** Mistral's reasoning is a list of parts. */
const thinkingText = (thinking: Json | undefined): string =>
  typeof thinking === 'string'
    ? thinking
    : listOf(thinking)
        .map(part => text(part.text))
        .join('');

const textPart = (type: MessagePart['type'], text: string): readonly MessagePart[] => (text === '' ? [] : [{ type, text }]);

/** Generated images in OpenRouter's format. */
export function imagesIn(message: JsonObject): readonly MediaPart[] {
  return listOf(message.images).flatMap((image): readonly MediaPart[] => {
    const url = text(objectOf(image.image_url).url);
    const inline = /^data:([\w.+-]+\/[\w.+-]+);base64,/.exec(url.slice(0, 200));
    if (inline) return [{ type: 'image', source: { type: 'inline', mediaType: inline[1]!, data: url.slice(inline[0].length) } }];
    return url === '' ? [] : [{ type: 'image', source: { type: 'url', url } }];
  });
}

/** A tool call. Legacy functions and custom tools with free-text input are calls too. */
export interface ParsedCall {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** Its arguments are the text of a freeform tool. */
  readonly freeform: boolean;
  readonly signature: string;
}

/** The tool calls of a message or delta, the legacy `function_call` included. */
export function callsIn(message: JsonObject): readonly ParsedCall[] {
  const { function_call: called } = message;
  const isLegacy = isObject(called) && (text(called.name) !== '' || text(called.arguments) !== '');
  const legacy = isLegacy ? [{ function: called, index: 0 }] : [];
  return [...listOf(message.tool_calls), ...legacy].map((call: JsonObject) => {
    const called = objectOf(call.type === 'custom' || !isObject(call.function) ? call.custom : call.function);
    return {
      index: typeof call.index === 'number' ? call.index : undefined,
      id: text(call.id),
      name: text(called.name),
      arguments: argumentsOf(called.arguments ?? called.input),
      freeform: called === call.custom,
      signature: text(objectOf(objectOf(call.extra_content).google).thought_signature),
    };
  });
}

/** JSON text; a few vendors send an object. */
const argumentsOf = (value: Json | undefined): string => (isObject(value) ? JSON.stringify(value) : text(value));
