/** What an answer cites, as OpenAI's annotations and as the lists of vendors that search by themselves; and what else it says that has no place here. */
import type { Citation } from '../../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import { listOf, objectOf, text } from './reading.ts';

/** An annotation of chat completions, or of a response; undefined for what cites nothing. `offset` is the length of all texts before its own. */
export function citationOf(raw: JsonObject, offset = 0): Citation | undefined {
  const details = isObject(raw.url_citation) ? raw.url_citation : raw;
  const url = text(details.url);
  const document = text(details.file_id);
  if (url === '' && document === '') return undefined;
  const title = text(details.title) || text(details.filename);
  const { start_index: start, end_index: end, content } = details;
  // Vendors that do not know the place say 0 and 0.
  const isPlaced = typeof start === 'number' && typeof end === 'number' && start >= 0 && end > start;
  return {
    ...(isPlaced ? { span: { from: start + offset, to: end + offset } } : {}),
    ...(url === '' ? { document } : { url }),
    ...(title === '' ? {} : { title }),
    ...(text(content) === '' ? {} : { quote: text(content) }),
    raw,
  };
}

export const citationsIn = (message: JsonObject): readonly Citation[] => listOf(message.annotations).flatMap(raw => citationOf(raw) ?? []);

/** Perplexity's and xAI's lists stand beside the choices; the text marks its places itself, as [1]. */
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

/** Kinds of content and of annotations that mean something to the vendor only. */
export const unmappedIn = (message: JsonObject): readonly string[] => [
  ...listOf(message.content)
    .filter(part => !knownPartTypes.includes(part.type ?? 'text') && text(part.text) === '')
    .map(({ type }) => text(type).slice(0, 100) || 'content'),
  ...listOf(message.annotations)
    .filter(raw => citationOf(raw) === undefined)
    .map(({ type }) => `annotations.${text(type).slice(0, 100)}`),
];

/** Sound that comes in pieces, each of which is base64 by itself. */
export function joinBase64(chunks: readonly string[]): string {
  const last = chunks.length - 1;
  if (chunks.every((piece, at) => at === last || !piece.endsWith('='))) return chunks.join('');
  try {
    return btoa(chunks.map(piece => atob(piece)).join(''));
  } catch {
    return chunks.join('');
  }
}

export const audioDataIn = (delta: JsonObject): string => text(objectOf(delta.audio).data);
