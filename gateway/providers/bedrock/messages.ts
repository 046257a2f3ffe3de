/** A conversation in Converse's format: a separate system prompt, and alternating turns of user and assistant. */
import type { CacheControl, MediaSource, Message, Part } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { approximated, argumentsObject, dropped, type Warning, withoutCitations } from '../../core/chat/provider.ts';
import { type Conversation, conversationOf, dropPart, resultContent } from '../../core/chat/turns.ts';

/** System prompt and alternating turns in Converse's format. */
export const renderMessages = (messages: readonly Message[], warnings: Warning[]): Conversation =>
  conversationOf(messages, 'Bedrock', renderPart, warnings);

/** The block that ends a cached prefix. */
export const cachePoint = ({ ttl }: CacheControl): JsonObject => ({
  cachePoint: { type: 'default', ...(ttl === undefined ? {} : { ttl }) },
});

/** A cache breakpoint becomes a cachePoint block after the part. */
function renderPart(part: Part, path: string, textOnly: boolean, warnings: Warning[]): readonly JsonObject[] {
  const blocks = renderContent(part, path, textOnly, warnings);
  return 'cache' in part && part.cache && blocks.length > 0 ? [...blocks, cachePoint(part.cache)] : blocks;
}

function renderContent(part: Part, path: string, textOnly: boolean, warnings: Warning[]): readonly JsonObject[] {
  if (textOnly && part.type !== 'text') return dropPart(path, `A system prompt takes no ${part.type}.`, warnings);
  switch (part.type) {
    case 'text':
      return renderText(withoutCitations(part, path, warnings));
    case 'refusal':
      warnings.push(approximated(path, 'Sent as plain text: Bedrock has no refusal in its turns.'));
      return renderText(part.text);
    case 'image':
      if (part.detail !== undefined && part.detail !== 'auto') warnings.push(dropped(`${path}.detail`, 'Bedrock takes no image detail.'));
      return renderMedia('image', part.source, part.source.type === 'inline' ? imageFormats[part.source.mediaType] : 'png', path, warnings);
    case 'document':
      return renderDocument(part, path, warnings);
    case 'audio':
      return dropPart(path, 'Converse takes no audio.', warnings);
    case 'reasoning':
      if (part.redacted !== undefined) return [{ reasoningContent: { redactedContent: part.redacted } }];
      if (part.signature === undefined) return dropPart(path, 'Bedrock accepts no reasoning without its signature.', warnings);
      return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }];
    case 'tool-call':
      if (part.signature !== undefined)
        warnings.push(dropped(`${path}.signature`, 'The signature of a call can only go back to the provider that made it.'));
      return [{ toolUse: { toolUseId: renderId(part.id), name: part.name, input: argumentsObject(part.arguments, path, warnings) } }];
    case 'tool-result':
      return [renderResult(part, path, warnings)];
  }
}

/** Bedrock refuses white-space blocks. */
const renderText = (text: string): readonly JsonObject[] => (text.trim() === '' ? [] : [{ text }]);

const imageFormats: Readonly<Record<string, string | undefined>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};
const documentFormats: Readonly<Record<string, string | undefined>> = {
  'application/pdf': 'pdf',
  'text/plain': 'txt',
  'text/markdown': 'md',
  'text/html': 'html',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
};

function renderDocument({ source, name }: Part & { type: 'document' }, path: string, warnings: Warning[]): readonly JsonObject[] {
  const format = source.type === 'inline' ? documentFormats[source.mediaType] : 'pdf';
  const blocks = renderMedia('document', source, format, path, warnings);
  if (name !== undefined && safeDocumentName(name) !== name) {
    warnings.push(approximated(`${path}.name`, 'Bedrock takes letters, digits, blanks and brackets in a name.'));
  }
  return blocks.map(block => ({ document: { ...(block.document as JsonObject), name: safeDocumentName(name ?? 'document') } }));
}

/** Replaces characters that Bedrock refuses in document names. */
const safeDocumentName = (name: string): string =>
  name
    .replace(/[^a-zA-Z0-9\s()[\]-]/g, '-')
    .replace(/\s{2,}/g, ' ')
    .slice(0, 200) || 'document';

function renderMedia(
  type: 'image' | 'document',
  source: MediaSource,
  format: string | undefined,
  path: string,
  warnings: Warning[],
): readonly JsonObject[] {
  if (source.type === 'url' && source.url.startsWith('s3://'))
    return [{ [type]: { format: format!, source: { s3Location: { uri: source.url } } } }];
  if (source.type !== 'inline') return dropPart(path, `Bedrock takes a ${type} inline or from S3.`, warnings);
  if (format === undefined) return dropPart(path, `Bedrock takes no ${type} of the type ${source.mediaType.slice(0, 80)}.`, warnings);
  return [{ [type]: { format, source: { bytes: source.data } } }];
}

/** Ids only join calls to results. Bedrock allows fewer characters in them than others use. */
const renderId = (id: string): string => id.replace(/[^a-zA-Z0-9_.:-]/g, '_').slice(0, 64) || '_';

function renderResult(part: Part & { type: 'tool-result' }, path: string, warnings: Warning[]): JsonObject {
  const content = resultContent(part, path, renderPart, warnings);
  const resultBlocks = content.length > 0 ? content : [{ text: '(empty)' }];
  return { toolResult: { toolUseId: renderId(part.id), content: resultBlocks, ...(part.failed ? { status: 'error' } : {}) } };
}
