/** Compares the response of a replay with the original: a sequence of comparisons that stops at the first decisive one. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Answer, ToolCall } from '../recorded/answer.ts';
import { anyIndex, canonicalText, jsonPaths, parseJson, similarity } from '../recorded/canonical.ts';
/** `same`: identical; `equivalent`: same content in another form; `undecided`: other words, which need a judge; `failed`: only one side answered. */
export type Likeness = 'same' | 'equivalent' | 'undecided' | 'different' | 'failed';

/** From the cheapest comparison to the dearest; the first that is decisive ends it. */
export const comparisonMethods = ['status', 'exact', 'normalised', 'json', 'tool-calls', 'short', 'similarity', 'judge'] as const;
export type ComparisonMethod = (typeof comparisonMethods)[number];

/** A judge's verdict on two responses that no other comparison decided. A judge that contradicts itself decides nothing. */
export interface PairVerdict {
  readonly likeness: 'equivalent' | 'undecided' | 'different';
}

export interface DiffOptions {
  readonly judged?: PairVerdict | undefined;
  /** Paths such as `$.items` or `$.orders[*].tags` of lists whose order does not matter; within the arguments for tool calls. */
  readonly unordered?: ReadonlySet<string>;
}

export interface AnswerDiff {
  readonly likeness: Likeness;
  /** The rung that decided. */
  readonly decidedBy: ComparisonMethod;
  /** Where they differ, in a form that is the same for all answers: `$.items[*].price`, `call.search.query`, `text`, `outcome`. */
  readonly paths: readonly string[];
  /** Similarity in [0, 1] of two texts that nothing else decided. It never proves equal meaning. */
  readonly similarity?: number;
  /** What is different, in words; the first paths of a JSON answer, the calls that differ. [] when nothing is. */
  readonly details: readonly string[];
  readonly finishChanged: boolean;
  /** Replayed less recorded. */
  readonly outputTokens: number;
  readonly costNanoUsd?: NanoUsd;
  readonly latencyMs: Milliseconds;
}

const detailsMax = 5;

/** The verdict on a pair and the method that gave it. `judged` is a judge's verdict, when there is one. */
export function diff(recorded: Answer, replayed: Answer, { judged, unordered = new Set() }: DiffOptions = {}): AnswerDiff {
  const priced = recorded.costNanoUsd !== undefined && replayed.costNanoUsd !== undefined;
  return {
    ...withVerdict(compare(recorded, replayed, unordered), judged),
    finishChanged: recorded.finish !== replayed.finish,
    outputTokens: replayed.outputTokens - recorded.outputTokens,
    ...(priced ? { costNanoUsd: replayed.costNanoUsd! - recorded.costNanoUsd! } : {}),
    latencyMs: replayed.latencyMs - recorded.latencyMs,
  };
}

type ComparedContent = Pick<AnswerDiff, 'likeness' | 'decidedBy' | 'details' | 'paths' | 'similarity'>;

const withVerdict = (compared: ComparedContent, judged: PairVerdict | undefined): ComparedContent =>
  judged === undefined || compared.decidedBy !== 'similarity'
    ? compared
    : {
        ...compared,
        decidedBy: 'judge',
        likeness: judged.likeness,
        paths: judged.likeness === 'equivalent' ? [] : compared.paths,
      };

function compare(a: Answer, b: Answer, unordered: ReadonlySet<string>): ComparedContent {
  if (a.outcome !== b.outcome) {
    const failed = (a.outcome === 'ok') !== (b.outcome === 'ok');
    return { likeness: failed ? 'failed' : 'different', decidedBy: 'status', details: [`${a.outcome} → ${b.outcome}`], paths: ['outcome'] };
  }
  const calls = compareCalls(a.toolCalls, b.toolCalls, unordered);
  if (calls && calls.likeness !== 'same') return calls;
  const text = compareText(a.text, b.text, unordered);
  return calls && text.likeness === 'same' ? calls : text;
}

/** Undefined when neither side called a tool. Ids are the provider's own and are not compared. */
function compareCalls(a: readonly ToolCall[], b: readonly ToolCall[], unordered: ReadonlySet<string>): ComparedContent | undefined {
  if (a.length === 0 && b.length === 0) return undefined;
  const details: string[] = [];
  const at = new Set<string>();
  if (a.length !== b.length) {
    details.push(`${a.length} → ${b.length} tool calls`);
    at.add('calls');
  }
  let exact = details.length === 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left, right] = [a[i]!, b[i]!];
    if (left.name !== right.name) {
      details.push(`call ${i + 1}: ${left.name} → ${right.name}`);
      at.add('call.name');
    } else if (left.arguments !== right.arguments) {
      exact = false;
      const paths = differingPaths(left.arguments, right.arguments, unordered) ?? ['arguments'];
      for (const path of paths) at.add(`call.${left.name}${anyIndex(path).replace(/^\$/, '')}`);
      if (paths.length > 0) details.push(`call ${i + 1} ${left.name}: ${paths.slice(0, detailsMax).join(', ')}`);
    }
  }
  const likeness = details.length > 0 ? 'different' : exact ? 'same' : 'equivalent';
  return { likeness, decidedBy: 'tool-calls', details, paths: [...at] };
}

function compareText(a: string, b: string, unordered: ReadonlySet<string>): ComparedContent {
  if (a === b) return { likeness: 'same', decidedBy: 'exact', details: [], paths: [] };
  const paths = differingPaths(a, b, unordered);
  if (paths) {
    const likeness = paths.length === 0 ? 'equivalent' : 'different';
    return { likeness, decidedBy: 'json', details: paths.slice(0, detailsMax), paths: [...new Set(paths.map(anyIndex))] };
  }
  if (canonicalText(a) === canonicalText(b)) return { likeness: 'equivalent', decidedBy: 'normalised', details: [], paths: [] };
  const short = compareShort(a, b);
  if (short)
    return {
      likeness: short,
      decidedBy: 'short',
      details: short === 'different' ? [firstDifference(a, b)] : [],
      paths: short === 'different' ? ['text'] : [],
    };
  return {
    likeness: 'undecided',
    decidedBy: 'similarity',
    details: [firstDifference(a, b)],
    paths: ['text'],
    similarity: similarity(a, b),
  };
}

/**
 * Numbers and single words decide themselves: 42 and 42.0 say the same, 42 and 41 or yes and no do not. Undefined unless both responses are
 * numbers or both are single words. Two different words count as different, synonyms too: labels and verdicts are what single words are for.
 */
function compareShort(a: string, b: string): 'equivalent' | 'different' | undefined {
  const [left, right] = [numberIn(a), numberIn(b)];
  if (left !== undefined && right !== undefined) return left === right ? 'equivalent' : 'different';
  const [word, other] = [wordIn(a), wordIn(b)];
  if (word === undefined || other === undefined) return undefined;
  if (word === other) return 'equivalent';
  // Case may be content: Polish and polish.
  return word.toLowerCase() === other.toLowerCase() ? undefined : 'different';
}

/** A number alone, with a unit of money or a percent sign, and thousands with commas. */
function numberIn(text: string): number | undefined {
  const [, sign = '', digits, unit = ''] =
    /^([-+−]?)[$€£]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*(%?)\.?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits.replaceAll(',', '')) * (sign === '-' || sign === '−' ? -1 : 1);
  return unit === '%' ? value / 100 : value;
}

/** One word, without quotes and marks around it. */
const wordIn = (text: string): string | undefined => /^["'“‘*_`([]*([\p{L}\p{N}_-]+)["'”’*_`)\].,!?:;]*$/u.exec(text.trim())?.[1];

/** Undefined unless both are JSON objects or arrays. */
function differingPaths(a: string, b: string, unordered: ReadonlySet<string>): readonly string[] | undefined {
  const [left, right] = [parseJson(a), parseJson(b)];
  return left === undefined || right === undefined ? undefined : jsonPaths(left, right, unordered);
}

const excerptLength = 60;

function firstDifference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const from = Math.max(0, at - 10);
  return `“${excerpt(a, from)}” → “${excerpt(b, from)}”`;
}

function excerpt(text: string, from: number): string {
  const piece = text.slice(from, from + excerptLength).replace(/\s+/g, ' ');
  return `${from > 0 ? '…' : ''}${piece}${from + excerptLength < text.length ? '…' : ''}`;
}
