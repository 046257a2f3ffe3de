/** Text blocks with citations. In this format a citation covers its whole block, so texts are split where citations begin and end. */
import type { Citation, Part } from '../../core/chat/chat.ts';
import { isObject, type JsonObject } from '../../core/chat/json.ts';
import { foreignIndex } from '../../core/chat/reasoning-signature.ts';

/** A citation in this format; a source without a URL becomes a search result. */
export function citationOf({ raw, url, title, quote, document }: Citation): JsonObject {
  if (isObject(raw) && typeof raw.type === 'string' && raw.type.endsWith('_location')) return raw;
  const common = { cited_text: quote ?? '', title: title ?? null };
  if (url !== undefined) return { type: 'web_search_result_location', url, encrypted_index: foreignIndex, ...common };
  const position = { search_result_index: 0, start_block_index: 0, end_block_index: 0 };
  return { type: 'search_result_location', source: document ?? title ?? '', ...position, ...common };
}

/** `offset` is the length of all texts before this one. */
export function textBlocks({ text, citations = [] }: Part & { type: 'text' }, offset: number): readonly JsonObject[] {
  if (citations.length === 0) return [textBlock(text, [])];
  const blocks: JsonObject[] = [];
  let at = 0;
  for (const [, cited] of groupBySpan(citations)) {
    const { from, to } = rangeWithin(cited[0]!.span, offset, text.length);
    if (from > at) blocks.push(textBlock(text.slice(at, from), []));
    // An overlapping citation covers what is left after the block before.
    const end = Math.max(at, to);
    const citedText = text.slice(Math.max(at, from), end);
    const last = blocks.at(-1);
    if (citedText === '' && last)
      blocks[blocks.length - 1] = textBlock(last.text as string, [
        ...((last.citations as JsonObject[] | null) ?? []),
        ...cited.map(citationOf),
      ]);
    else blocks.push(textBlock(citedText, cited.map(citationOf)));
    at = Math.max(at, end);
  }
  return at < text.length ? [...blocks, textBlock(text.slice(at), [])] : blocks;
}

function groupBySpan(citations: readonly Citation[]): readonly (readonly [string, readonly Citation[]])[] {
  const groups = Map.groupBy(citations, ({ span }) => (span ? `${span.from}-${span.to}` : ''));
  return [...groups].toSorted(([, [a]], [, [b]]) => (a?.span?.from ?? 0) - (b?.span?.from ?? 0));
}

/** The citation's range in this text; all of it without a span. */
function rangeWithin(span: Citation['span'], offset: number, length: number): { readonly from: number; readonly to: number } {
  const clamp = (value: number): number => Math.min(length, Math.max(0, value - offset));
  return span ? { from: clamp(span.from), to: clamp(span.to) } : { from: 0, to: length };
}

const textBlock = (text: string, citations: readonly JsonObject[]): JsonObject => ({
  type: 'text',
  text,
  citations: citations.length > 0 ? citations : null,
});
