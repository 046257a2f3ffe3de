/** A conversation in Anthropic's format: a separate system prompt, and alternating turns of user and assistant. */
import type { CacheControl, MediaSource, Message, Part } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { approximated, argumentsObject, dropped, type Warning, withoutCitations } from '../../core/chat/provider.ts';
import { type Conversation, conversationOf, dropPart, resultContent } from '../../core/chat/turns.ts';

/** System prompt and alternating turns in Anthropic's format. */
export function renderMessages(messages: readonly Message[], warnings: Warning[]): Conversation {
  const { system, turns } = conversationOf(messages, 'Anthropic', renderPart, warnings);
  return { system, turns: turns.map(turn => ({ ...turn, content: toolResultsFirst(turn.content) })) };
}

/** Tool results must come first in the turn after their calls. */
const toolResultsFirst = (content: readonly JsonObject[]): readonly JsonObject[] => [
  ...content.filter(block => block.type === 'tool_result'),
  ...content.filter(block => block.type !== 'tool_result'),
];

/** The cache breakpoint goes on the last block of the part. */
function renderPart(part: Part, path: string, textOnly: boolean, warnings: Warning[]): readonly JsonObject[] {
  const blocks = renderContent(part, path, textOnly, warnings);
  if (!('cache' in part) || blocks.length === 0) return blocks;
  return [...blocks.slice(0, -1), { ...blocks.at(-1)!, ...renderCache(part.cache) }];
}

/** The member `cache_control`; {} without caching. */
export const renderCache = (cache: CacheControl | undefined): JsonObject =>
  cache ? { cache_control: { type: 'ephemeral', ...(cache.ttl === undefined ? {} : { ttl: cache.ttl }) } } : {};

function renderContent(part: Part, path: string, textOnly: boolean, warnings: Warning[]): readonly JsonObject[] {
  if (textOnly && part.type !== 'text') return dropPart(path, `A system prompt takes no ${part.type}.`, warnings);
  switch (part.type) {
    case 'text':
      return renderText(withoutCitations(part, path, warnings));
    case 'refusal':
      warnings.push(approximated(path, 'Sent as plain text: Anthropic has no refusal in its turns.'));
      return renderText(part.text);
    case 'image':
      if (part.detail === 'low' || part.detail === 'high') warnings.push(dropped(`${path}.detail`, 'Anthropic takes no image detail.'));
      return [{ type: 'image', source: renderSource(part.source) }];
    case 'document':
      return renderDocument(part.source, part.name, path, warnings).map(block =>
        part.cited ? { ...block, citations: { enabled: true } } : block,
      );
    case 'audio':
      return dropPart(path, 'Anthropic takes no audio.', warnings);
    case 'reasoning':
      if (part.redacted !== undefined) return [{ type: 'redacted_thinking', data: part.redacted }];
      if (part.signature !== undefined) return [{ type: 'thinking', thinking: part.text, signature: part.signature }];
      return dropPart(path, 'Anthropic accepts no reasoning without its signature.', warnings);
    case 'tool-call':
      if (part.signature !== undefined)
        warnings.push(dropped(`${path}.signature`, 'The signature of a call can only go back to the provider that made it.'));
      return [{ type: 'tool_use', id: renderId(part.id), name: part.name, input: argumentsObject(part.arguments, path, warnings) }];
    case 'tool-result':
      return [renderResult(part, path, warnings)];
  }
}

/** Anthropic refuses white-space blocks, which OpenAI clients send beside tool calls. */
const renderText = (text: string): readonly JsonObject[] => (text.trim() === '' ? [] : [{ type: 'text', text }]);

function renderSource(source: MediaSource): JsonObject {
  switch (source.type) {
    case 'url':
      return { type: 'url', url: source.url };
    case 'inline':
      return { type: 'base64', media_type: source.mediaType, data: source.data };
    case 'file':
      return { type: 'file', file_id: source.id };
  }
}

function renderDocument(source: MediaSource, name: string | undefined, path: string, warnings: Warning[]): readonly JsonObject[] {
  const title = name === undefined ? {} : { title: name };
  if (source.type !== 'inline' || source.mediaType === 'application/pdf')
    return [{ type: 'document', source: renderSource(source), ...title }];
  if (!source.mediaType.startsWith('text/'))
    return dropPart(path, `Anthropic takes PDF and text, not ${source.mediaType.slice(0, 80)}.`, warnings);
  const text = decodeBase64(source.data);
  if (text === undefined) return dropPart(path, 'The data is not base64.', warnings);
  return [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title }];
}

function decodeBase64(data: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), character => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Ids only join calls to results. Anthropic allows fewer characters in them than others use. */
const renderId = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, '_');

function renderResult(part: Part & { type: 'tool-result' }, path: string, warnings: Warning[]): JsonObject {
  const content = resultContent(part, path, renderPart, warnings);
  return {
    type: 'tool_result',
    tool_use_id: renderId(part.id),
    ...(content.length > 0 ? { content } : {}),
    ...(part.failed ? { is_error: true } : {}),
  };
}
