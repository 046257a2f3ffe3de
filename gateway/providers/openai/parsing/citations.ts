/** Citations from OpenAI's annotations and from the source lists of vendors with built-in search, and kinds of unmapped content. */
import type { Citation } from '../../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import { listOf, objectOf, text } from './reading.ts';

/** The citation of an annotation; undefined for one that cites nothing. `offset` is the length of all texts before its own. */
export function citationOf(raw: JsonObject, offset = 0): Citation | undefined {
  const details = isObject(raw.url_citation) ? raw.url_citation : raw;
  const url = text(details.url);
  const document = text(details.file_id);
  if (url === '' && document === '') return undefined;
  const title = text(details.title) || text(details.filename);
  const { start_index: start, end_index: end, content } = details;
  // Vendors that do not know the range send 0 and 0.
  const isPlaced = typeof start === 'number' && typeof end === 'number' && start >= 0 && end > start;
  return {
    ...(isPlaced ? { span: { from: start + offset, to: end + offset } } : {}),
    ...(url === '' ? { document } : { url }),
    ...(title === '' ? {} : { title }),
    ...(text(content) === '' ? {} : { quote: text(content) }),
    raw,
  };
}

/** The URL citations of a message's annotations. */
export const citationsIn = (message: JsonObject): readonly Citation[] => listOf(message.annotations).flatMap(raw => citationOf(raw) ?? []);

/** Source lists of Perplexity and xAI, which stand beside the choices. The text refers to them as [1]. */
export function sourcesIn({ search_results: results, citations }: JsonObject): readonly Citation[] {
  const found = listOf(results).filter(({ url }) => text(url) !== '');
  if (found.length > 0) {
    return found.map(raw => ({
      url: text(raw.url),
      ...(text(raw.title) === '' ? {} : { title: text(raw.title) }),
      ...(text(raw.snippet) === '' ? {} : { quote: text(raw.snippet) }),
      raw,
    }));
  }
  const urls = Array.isArray(citations) ? (citations as readonly Json[]) : [];
  return urls.flatMap(raw => (typeof raw === 'string' && raw !== '' ? [{ url: raw, raw }] : []));
}

const knownPartTypes: readonly Json[] = ['text', 'output_text', 'thinking', 'refusal'];

/** Kinds of content and of annotations that only the vendor understands. */
export const unmappedIn = (message: JsonObject): readonly string[] => [
  ...listOf(message.content)
    .filter(part => !knownPartTypes.includes(part.type ?? 'text') && text(part.text) === '')
    .map(({ type }) => text(type).slice(0, 100) || 'content'),
  ...listOf(message.annotations)
    .filter(raw => citationOf(raw) === undefined)
    .map(({ type }) => `annotations.${text(type).slice(0, 100)}`),
];

/** Joins base64 audio chunks, each of which is encoded separately. */
export function joinBase64(chunks: readonly string[]): string {
  const last = chunks.length - 1;
  if (chunks.every((piece, at) => at === last || !piece.endsWith('='))) return chunks.join('');
  try {
    return btoa(chunks.map(piece => atob(piece)).join(''));
  } catch {
    return chunks.join('');
  }
}

/** The base64 audio of a delta; '' when it has none. */
export const audioDataIn = (delta: JsonObject): string => text(objectOf(delta.audio).data);
