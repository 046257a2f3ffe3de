/** Renders citations as Google's grounding: sources, and the text segments they support, in bytes. */
import type { Citation } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).byteLength;

/** `text` is all text of the choice. Undefined without citations. */
export function groundingOf(text: string, citations: readonly Citation[]): JsonObject | undefined {
  if (citations.length === 0) return undefined;
  const chunks = [...new Map(citations.map(citation => [sourceOf(citation), chunkOf(citation)])).entries()];
  const numbers = new Map(chunks.map(([source], index) => [source, index]));
  const placed = citations.flatMap(({ span, ...rest }) => (span ? [{ span, chunk: numbers.get(sourceOf(rest))! }] : []));
  const supports = [...Map.groupBy(placed, ({ span }) => `${span.from}-${span.to}`).values()].map(group => {
    const { from, to } = group[0]!.span;
    const segment = { startIndex: bytesOf(text.slice(0, from)), endIndex: bytesOf(text.slice(0, to)), text: text.slice(from, to) };
    return { segment, groundingChunkIndices: [...new Set(group.map(({ chunk }) => chunk))] };
  });
  return { groundingChunks: chunks.map(([, chunk]) => chunk), groundingSupports: supports };
}

const sourceOf = ({ url, title, quote, document }: Omit<Citation, 'span'>): string =>
  JSON.stringify(url === undefined ? [title, quote, document] : [url, title]);

function chunkOf({ url, title, quote, document }: Citation): JsonObject {
  if (url !== undefined) return { web: { uri: url, title: title ?? url } };
  return {
    retrievedContext: {
      title: title ?? document ?? '',
      ...(document === undefined ? {} : { documentName: document }),
      ...(quote === undefined ? {} : { text: quote }),
    },
  };
}
