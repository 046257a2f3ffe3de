/** Programmatic checks of an answer: each gives a score from 0 to 1, or undefined when it does not apply. */
import { Ajv } from 'ajv';
import { diffWords } from 'diff';
import { RE2JS } from 're2js';
import { canonicalText, parseJson } from '../../replay/recorded/canonical.ts';
import type { Content } from './agreement.ts';

/** One answer, with what is known of what it should be. */
export interface ScoringInput {
  readonly id: string;
  /** The request as the caller wrote it. */
  readonly question: string;
  readonly answer: Content;
  /** What should have come: a text, a number, or tool calls. */
  readonly expected?: unknown;
}

/** Undefined: there is nothing to hold it against. */
export type Scorer = (scored: ScoringInput) => number | undefined | Promise<number | undefined>;

export const scorerKinds = ['exact', 'contains', 'regex', 'numeric', 'json', 'schema', 'tools', 'similarity'] as const;

/** `exact`, `regex=PATTERN`, `numeric=0.01`, `schema={…}`. Returns the rule, or a string with the problem. */
export function scorerOf(kind: string, argument: string | undefined): Scorer | string {
  switch (kind) {
    case 'exact':
      return withText((text, expected) => Number(canonicalText(text) === canonicalText(expected)));
    case 'contains':
      return withText((text, expected) => Number(canonicalText(text).includes(canonicalText(expected))));
    case 'regex':
      return regex(argument);
    case 'numeric':
      return numeric(argument);
    case 'json':
      return ({ answer }) => Number(parseJson(answer.text) !== undefined);
    case 'schema':
      return schema(argument);
    case 'tools':
      return tools;
    case 'similarity':
      return withText(similarity);
    default:
      return `there is no scorer ${kind}; there are ${scorerKinds.join(', ')}, judge and module`;
  }
}

const withText =
  (compare: (text: string, expected: string) => number): Scorer =>
  ({ answer, expected }) =>
    typeof expected === 'string' || typeof expected === 'number' ? compare(answer.text, String(expected)) : undefined;

/** In linear time, whatever the pattern and the answer. */
function regex(argument: string | undefined): Scorer | string {
  if (!argument) return 'regex needs a pattern: regex=^\\d+$';
  try {
    const pattern = RE2JS.compile(argument, RE2JS.DOTALL);
    return ({ answer }) => Number(pattern.matcher(answer.text).find());
  } catch (error) {
    return `regex=${argument} is no pattern: ${(error as Error).message}`;
  }
}

const number = /[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** The last number in the response, since reasoning comes before it. */
function numeric(argument: string | undefined): Scorer | string {
  const tolerance = argument === undefined ? 1e-9 : Number(argument);
  if (!(tolerance >= 0)) return `numeric=${argument}: write how far off it may be, such as numeric=0.01`;
  return ({ answer, expected }) => {
    const wanted = Number(String(expected ?? '').replaceAll(',', ''));
    if (expected === undefined || expected === null || expected === '' || Number.isNaN(wanted)) return undefined;
    const lastNumber = answer.text.match(number)?.at(-1);
    return lastNumber === undefined ? 0 : Number(Math.abs(Number(lastNumber.replaceAll(',', '')) - wanted) <= tolerance);
  };
}

function schema(argument: string | undefined): Scorer | string {
  const given = argument === undefined ? undefined : parseJson(argument);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return 'schema needs a JSON Schema, or a file of one: schema=answer.schema.json';
  try {
    const check = new Ajv({ strict: false, allErrors: false }).compile(given);
    return ({ answer }) => {
      const value = parseJson(answer.text);
      return Number(value !== undefined && check(value));
    };
  } catch (error) {
    return `schema is none that can be checked: ${(error as Error).message}`;
  }
}

/** The same calls with the same arguments, in any order of keys and calls. */
const tools: Scorer = ({ answer, expected }) => {
  if (!Array.isArray(expected)) return undefined;
  const calls = answer.toolCalls.map(callText).sort();
  const wanted = expected.map(callText).sort();
  return Number(calls.length === wanted.length && calls.every((call, i) => call === wanted[i]));
};

function callText(call: unknown): string {
  const { name, arguments: args } = call as { readonly name?: unknown; readonly arguments?: unknown };
  const parsed = typeof args === 'string' ? (parseJson(args.trim() === '' ? '{}' : args) ?? args) : (args ?? {});
  return JSON.stringify(withSortedKeys({ name, arguments: parsed }));
}

/** Keys in one order, at every depth. */
function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, withSortedKeys(inner)]),
  );
}

const comparedMax = 20_000;

/** The share of words that both have, in order (Dice's coefficient of the longest common subsequence). */
function similarity(text: string, expected: string): number {
  const words = (s: string): string => s.slice(0, comparedMax).toLowerCase();
  const parts = diffWords(words(text), words(expected), { timeout: 2_000 });
  if (!parts) return 0;
  const count = (s: string): number => s.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
  const [common, all] = parts.reduce(
    ([c, a], part) => (part.added || part.removed ? [c, a + count(part.value)] : [c + count(part.value), a + 2 * count(part.value)]),
    [0, 0],
  );
  return all === 0 ? 1 : (2 * common) / all;
}
