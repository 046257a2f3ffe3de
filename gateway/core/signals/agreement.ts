/** The agreement of two responses. */
import type { ChatResponse } from '../chat/chat.ts';
import { type Json, parseJson } from '../chat/json.ts';
import { responseText } from './signal.ts';

const comparedCharactersMax = 20_000;

/** In [0, 1]. 1 for equal tool calls and equal text up to white space, typography and key order; else the word overlap. */
export function agreementOf(a: ChatResponse, b: ChatResponse): number {
  const [callsA, callsB] = [toolCallsText(a), toolCallsText(b)];
  if (callsA !== callsB) return 0;
  const [textA, textB] = [normalizedText(responseText(a)), normalizedText(responseText(b))];
  if (textA === textB) return 1;
  const [jsonA, jsonB] = [parseIfJson(textA), parseIfJson(textB)];
  if (jsonA !== undefined && jsonB !== undefined) return canonicalJson(jsonA) === canonicalJson(jsonB) ? 1 : 0;
  return wordOverlap(textA, textB);
}

const toolCallsText = (response: ChatResponse): string =>
  (response.choices[0]?.content ?? [])
    .flatMap(part => (part.type === 'tool-call' ? [`${part.name} ${canonicalJson(parseJson(part.arguments) ?? part.arguments)}`] : []))
    .sort()
    .join('\n');

const normalizedText = (text: string): string =>
  text
    .slice(0, comparedCharactersMax)
    .normalize('NFKC')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/\s+/g, ' ')
    .trim();

const parseIfJson = (text: string): Json | undefined => (/^[[{]/.test(text) ? parseJson(text) : undefined);

function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner as Json)}`).join(',')}}`;
}

function wordOverlap(a: string, b: string): number {
  const count = (text: string): Map<string, number> => {
    const words = new Map<string, number>();
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) words.set(word, (words.get(word) ?? 0) + 1);
    return words;
  };
  const [one, other] = [count(a), count(b)];
  const sizeOf = (words: Map<string, number>): number => [...words.values()].reduce((sum, n) => sum + n, 0);
  const total = sizeOf(one) + sizeOf(other);
  let common = 0;
  for (const [word, n] of one) common += Math.min(n, other.get(word) ?? 0);
  return total === 0 ? 0 : (2 * common) / total;
}
