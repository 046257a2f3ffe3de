/** Citations of a candidate: grounding sources with the segments of text they support, in bytes, and recited works. */
import type { Citation, TextSpan } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { listOf, text } from './reading.ts';

/** `answerText` is all text of the candidate. */
export function citationsOf(
  answerText: string,
  grounding: JsonObject | undefined,
  recitationMetadata: Json | undefined,
): readonly Citation[] {
  return [...(grounding ? groundingCitations(answerText, grounding) : []), ...recitations(answerText, recitationMetadata)];
}

function groundingCitations(answerText: string, { groundingChunks, groundingSupports }: JsonObject): readonly Citation[] {
  const chunks = listOf(groundingChunks);
  const cited = new Set<number>();
  const spanned = listOf(groundingSupports).flatMap(support => {
    const span = spanOf(answerText, isObject(support.segment) ? support.segment : {});
    const numbers = Array.isArray(support.groundingChunkIndices) ? (support.groundingChunkIndices as readonly Json[]) : [];
    return numbers.flatMap((number): readonly Citation[] => {
      const chunk = typeof number === 'number' ? chunks[number] : undefined;
      if (!chunk) return [];
      cited.add(number as number);
      return [{ ...(span ? { span } : {}), ...sourceOf(chunk), raw: { chunk, segment: support.segment ?? null } }];
    });
  });
  const others = chunks.flatMap((chunk, number): readonly Citation[] =>
    cited.has(number) ? [] : [{ ...sourceOf(chunk), raw: { chunk } }],
  );
  return [...spanned, ...others];
}

function sourceOf(chunk: JsonObject): Omit<Citation, 'raw'> {
  const [kind = null] = Object.values(chunk);
  const source = isObject(kind) ? kind : {};
  const url = text(source.uri);
  const title = text(source.title);
  const quote = text(source.text);
  return {
    ...(url === '' ? { document: text(source.documentName) || text(source.fileSearchStore) || title || 'source' } : { url }),
    ...(title === '' ? {} : { title }),
    ...(quote === '' ? {} : { quote }),
  };
}

const recitations = (answerText: string, metadata: Json | undefined): readonly Citation[] =>
  listOf(isObject(metadata) ? (metadata.citationSources ?? metadata.citations) : undefined).map(raw => {
    const span = spanOf(answerText, raw);
    const url = text(raw.uri);
    const title = text(raw.title) || text(raw.license);
    return {
      ...(span ? { span } : {}),
      ...(url === '' ? { document: title || 'source' } : { url }),
      ...(title === '' ? {} : { title }),
      raw,
    };
  });

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function spanOf(answerText: string, { startIndex, endIndex, text: segmentText }: JsonObject): TextSpan | undefined {
  if (typeof endIndex !== 'number') return undefined;
  const bytes = encoder.encode(answerText);
  const from = decoder.decode(bytes.subarray(0, typeof startIndex === 'number' ? startIndex : 0)).length;
  const to = decoder.decode(bytes.subarray(0, endIndex)).length;
  if (typeof segmentText !== 'string' || segmentText === '' || answerText.slice(from, to) === segmentText)
    return to > from ? { from, to } : undefined;
  // Some offsets are relative to a part of the response.
  const at = answerText.indexOf(segmentText);
  return at < 0 ? undefined : { from: at, to: at + segmentText.length };
}
