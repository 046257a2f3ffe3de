/** Equality of texts and JSON that ignores white space, typography and key order. */
import { isObject, type Json } from '../../gateway/core/chat/json.ts';

/** Folds white space, replaces typographic quotes and dashes, and composes Unicode. Case and punctuation stay: they are content. */
export const canonicalText = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[‘’‛]/g, "'")
    .replace(/[“”‟]/g, '"')
    .replace(/[‐‑‒–—]/g, '-')
    .replace(/\s+/g, ' ')
    .trim();

/** A JSON object or array, also in a Markdown fence; undefined for anything else, a bare number or string included. */
export function parseJson(text: string): Json | undefined {
  const trimmed = text.trim();
  const inner = /^```(?:json)?\s*\n([\s\S]*)\n```$/.exec(trimmed)?.[1] ?? trimmed;
  if (!/^[[{]/.test(inner)) return undefined;
  try {
    return JSON.parse(inner) as Json;
  } catch {
    return undefined;
  }
}

const depthMax = 256;

/** `$.items[3].price` and `$.items[4].price` are one path. */
export const anyIndex = (path: string): string => path.replace(/\[\d+\]/g, '[*]');

/**
 * The paths at which two values differ, in the order of the first. Key order does not count. The order of list items counts, except at
 * the `unordered` paths: there equal items are matched first, and the rest is compared in order.
 */
export function jsonPaths(a: Json, b: Json, unordered: ReadonlySet<string> = new Set(), path = '$', depth = 0): readonly string[] {
  if (depth > depthMax) return [path];
  if (Array.isArray(a) && Array.isArray(b)) {
    const length = a.length === b.length ? [] : [`${path}.length`];
    const [left, right] = unordered.has(anyIndex(path)) ? withoutCommon(a, b, unordered, path) : [a, b];
    return [
      ...length,
      ...left.slice(0, right.length).flatMap((item, i) => jsonPaths(item, right[i]!, unordered, `${path}[${i}]`, depth + 1)),
    ];
  }
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap(key => {
      const at = `${path}.${key}`;
      return Object.hasOwn(a, key) && Object.hasOwn(b, key) ? jsonPaths(a[key]!, b[key]!, unordered, at, depth + 1) : [at];
    });
  }
  return a === b ? [] : [path];
}

/** Both lists without the items they have in common. */
function withoutCommon(
  a: readonly Json[],
  b: readonly Json[],
  unordered: ReadonlySet<string>,
  path: string,
): readonly [readonly Json[], readonly Json[]] {
  const textOf = (item: Json): string => sortedJson(withUnorderedSorted(item, unordered, `${anyIndex(path)}[*]`));
  const without = (items: readonly Json[], others: readonly Json[]): readonly Json[] => {
    const counts = new Map<string, number>();
    for (const text of others.map(textOf)) counts.set(text, (counts.get(text) ?? 0) + 1);
    return items.filter(item => {
      const text = textOf(item);
      const count = counts.get(text) ?? 0;
      counts.set(text, count - 1);
      return count <= 0;
    });
  };
  return [without(a, b), without(b, a)];
}

/** The value with its unordered lists sorted by their items' text, so that equal values have equal text. */
function withUnorderedSorted(value: Json, unordered: ReadonlySet<string>, path: string): Json {
  if (Array.isArray(value)) {
    const items = value.map(item => withUnorderedSorted(item as Json, unordered, `${path}[*]`));
    if (!unordered.has(path)) return items;
    return items
      .map(item => [sortedJson(item), item] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, item]) => item);
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withUnorderedSorted(inner as Json, unordered, `${path}.${key}`)]),
  );
}

/** Members that do not change the content of the response. */
const ignoredMembers = new Set(['model', 'logprobs', 'top_logprobs', 'stream_options', 'user', 'metadata', 'store']);

/** The request body with sorted keys, without members that do not change the response. Equal texts mean equal requests. */
export function canonicalRequest(body: string | Uint8Array): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString();
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value)
      ? sortedJson(Object.fromEntries(Object.entries(value).filter(([key]) => !ignoredMembers.has(key))))
      : sortedJson(value);
  } catch {
    return text;
  }
}

function sortedJson(value: Json): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

/** Cosine similarity of trigram counts: 1 for equal texts, near 0 for texts without common words. */
export function similarity(a: string, b: string): number {
  const [left, right] = [trigrams(a), trigrams(b)];
  let product = 0;
  for (const [trigram, count] of left) product += count * (right.get(trigram) ?? 0);
  const size = (counts: ReadonlyMap<string, number>): number =>
    Math.sqrt([...counts.values()].reduce((sum, count) => sum + count * count, 0));
  const sizes = size(left) * size(right);
  return sizes === 0 ? 0 : Math.min(1, product / sizes);
}

const similarityLengthMax = 50_000;

function trigrams(text: string): ReadonlyMap<string, number> {
  const folded = canonicalText(text.slice(0, similarityLengthMax)).toLowerCase();
  const counts = new Map<string, number>();
  for (let i = 0; i + 3 <= folded.length; i++) {
    const trigram = folded.slice(i, i + 3);
    counts.set(trigram, (counts.get(trigram) ?? 0) + 1);
  }
  return counts;
}
