/** What came out differently when a request was asked again: a ladder of comparisons that stops at the first decisive rung. */
import type { NanoUsd } from '../gateway/core/price.ts';
import type { Milliseconds } from '../gateway/core/time.ts';
import { canonicalText, jsonPaths, parseJson } from './canonical.ts';

/** One side of a comparison: an answer as its caller saw it. */
export interface Answer {
  readonly outcome: string;
  readonly target: string;
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finish: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly reasoningTokens?: number;
  readonly escalations?: number;
  /** Undefined when no shape was asked for. */
  readonly schemaValid?: boolean;
  /** Undefined when the price is unknown. */
  readonly costNanoUsd?: NanoUsd;
  readonly latencyMs: Milliseconds;
  /** To the first content; undefined when there was none. */
  readonly firstTokenMs?: Milliseconds;
}

export interface ToolCall {
  readonly name: string;
  /** JSON text as the model wrote it. */
  readonly arguments: string;
}

/** `same` to the letter; `equivalent`: other letters, same content; `failed`: only one side answered. */
export type Likeness = 'same' | 'equivalent' | 'different' | 'failed';

export interface AnswerDiff {
  readonly likeness: Likeness;
  /** The rung that decided. */
  readonly decidedBy: 'outcome' | 'tool-calls' | 'text' | 'json';
  /** What is different, in words; the first paths of a JSON answer, the calls that differ. [] when nothing is. */
  readonly details: readonly string[];
  readonly finishChanged: boolean;
  /** Replayed less recorded. */
  readonly outputTokens: number;
  readonly costNanoUsd?: NanoUsd;
  readonly latencyMs: Milliseconds;
}

const detailsMax = 5;

export function diff(recorded: Answer, replayed: Answer): AnswerDiff {
  const priced = recorded.costNanoUsd !== undefined && replayed.costNanoUsd !== undefined;
  return {
    ...compare(recorded, replayed),
    finishChanged: recorded.finish !== replayed.finish,
    outputTokens: replayed.outputTokens - recorded.outputTokens,
    ...(priced ? { costNanoUsd: replayed.costNanoUsd! - recorded.costNanoUsd! } : {}),
    latencyMs: replayed.latencyMs - recorded.latencyMs,
  };
}

type Compared = Pick<AnswerDiff, 'likeness' | 'decidedBy' | 'details'>;

function compare(a: Answer, b: Answer): Compared {
  if (a.outcome !== b.outcome) {
    const failed = (a.outcome === 'ok') !== (b.outcome === 'ok');
    return { likeness: failed ? 'failed' : 'different', decidedBy: 'outcome', details: [`${a.outcome} → ${b.outcome}`] };
  }
  const calls = compareCalls(a.toolCalls, b.toolCalls);
  if (calls && calls.likeness !== 'same') return calls;
  const text = compareText(a.text, b.text);
  return calls && text.likeness === 'same' ? calls : text;
}

/** Undefined when neither side called a tool. Ids are the provider's own and are not compared. */
function compareCalls(a: readonly ToolCall[], b: readonly ToolCall[]): Compared | undefined {
  if (a.length === 0 && b.length === 0) return undefined;
  const details: string[] = [];
  if (a.length !== b.length) details.push(`${a.length} → ${b.length} tool calls`);
  let exact = details.length === 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left, right] = [a[i]!, b[i]!];
    if (left.name !== right.name) details.push(`call ${i + 1}: ${left.name} → ${right.name}`);
    else if (left.arguments !== right.arguments) {
      exact = false;
      const paths = differingPaths(left.arguments, right.arguments) ?? ['arguments'];
      if (paths.length > 0) details.push(`call ${i + 1} ${left.name}: ${paths.slice(0, detailsMax).join(', ')}`);
    }
  }
  const likeness = details.length > 0 ? 'different' : exact ? 'same' : 'equivalent';
  return { likeness, decidedBy: 'tool-calls', details };
}

function compareText(a: string, b: string): Compared {
  if (a === b) return { likeness: 'same', decidedBy: 'text', details: [] };
  const paths = differingPaths(a, b);
  if (paths) return { likeness: paths.length === 0 ? 'equivalent' : 'different', decidedBy: 'json', details: paths.slice(0, detailsMax) };
  if (canonicalText(a) === canonicalText(b)) return { likeness: 'equivalent', decidedBy: 'text', details: [] };
  return { likeness: 'different', decidedBy: 'text', details: [firstDifference(a, b)] };
}

/** Undefined unless both are JSON objects or arrays. */
function differingPaths(a: string, b: string): readonly string[] | undefined {
  const [left, right] = [parseJson(a), parseJson(b)];
  return left === undefined || right === undefined ? undefined : jsonPaths(left, right);
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

/** All differences of one arm, added up. Sums and means are over the pairs in which both sides answered. */
export interface Totals {
  readonly pairs: number;
  readonly likeness: Readonly<Record<Likeness, number>>;
  readonly finishChanged: number;
  readonly recorded: Side;
  readonly replayed: Side;
  /** Pairs with a side whose price is unknown; they are in neither cost. */
  readonly unpriced: number;
}

export interface Side {
  readonly costNanoUsd: NanoUsd;
  readonly outputTokens: number;
  readonly latencyMsMean: Milliseconds;
}

export interface Pair {
  readonly id: string;
  readonly recorded: Answer;
  readonly replayed: Answer;
  readonly diff: AnswerDiff;
}

export function total(pairs: readonly Pair[]): Totals {
  const likeness = { same: 0, equivalent: 0, different: 0, failed: 0 };
  for (const pair of pairs) likeness[pair.diff.likeness]++;
  const answered = pairs.filter(({ recorded, replayed }) => recorded.outcome === 'ok' && replayed.outcome === 'ok');
  const priced = answered.filter(pair => pair.diff.costNanoUsd !== undefined);
  const side = (of: (pair: Pair) => Answer): Side => ({
    costNanoUsd: priced.reduce((sum, pair) => sum + of(pair).costNanoUsd!, 0),
    outputTokens: answered.reduce((sum, pair) => sum + of(pair).outputTokens, 0),
    latencyMsMean: answered.reduce((sum, pair) => sum + of(pair).latencyMs, 0) / Math.max(1, answered.length),
  });
  return {
    pairs: pairs.length,
    likeness,
    finishChanged: pairs.filter(pair => pair.diff.finishChanged).length,
    recorded: side(pair => pair.recorded),
    replayed: side(pair => pair.replayed),
    unpriced: answered.length - priced.length,
  };
}
