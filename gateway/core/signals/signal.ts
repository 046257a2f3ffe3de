/** What an answer shows about itself, measured at record time. Each signal lies in [0, 1] and higher is surer. */
import type { ChatRequest, ChatResponse, Choice, TokenLogprob } from '../chat/chat.ts';
import { isObject, type Json } from '../chat/json.ts';
import { conforms } from '../chat/json-schema.ts';
import type { FeatureName, SignalName, Signals } from './names.ts';
/** `confidence` is the trained scorer where there is one, else the mean log-probability. */
export const confidenceOf = (signals: Signals): number | undefined => signals.scorer ?? signals.mean_logprob;

/** What a response must show to be taken. `confidence` may stand for the signal it means. */
export type AcceptRule =
  | { readonly signal: SignalName | 'confidence'; readonly atLeast: number }
  | { readonly all: readonly AcceptRule[] }
  | { readonly any: readonly AcceptRule[] };

/** An absent signal does not satisfy: an answer that shows nothing escalates, and so does one that failed by itself, however sure. */
export function accepts(accept: AcceptRule, signals: Signals): boolean {
  if (signals.sound === 0) return false;
  if ('all' in accept) return accept.all.every(a => accepts(a, signals));
  if ('any' in accept) return accept.any.some(a => accepts(a, signals));
  const value = accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal];
  return value !== undefined && value >= accept.atLeast;
}

/** How many alternatives per token must be asked of the upstream to measure what `accept` asks for; undefined when no log-probabilities are. */
export function topLogprobsNeeded(accept: AcceptRule): number | undefined {
  if ('signal' in accept) {
    return topLogprobsOf(accept.signal);
  }
  const needed = ('all' in accept ? accept.all : accept.any).map(topLogprobsNeeded).filter(top => top !== undefined);
  return needed.length > 0 ? Math.max(...needed) : undefined;
}

/** The same for one signal. */
export function topLogprobsOf(signal: SignalName | FeatureName | 'confidence'): number | undefined {
  if (signal === 'margin') return 2;
  return signal === 'confidence' || signal.includes('logprob') ? 0 : undefined;
}

/** The signals of the first choice. */
export function measureSignals(request: ChatRequest, response: ChatResponse): Signals {
  const choice = response.choices[0];
  return choice ? { ...measureTokens(choice.logprobs ?? []), ...measureText(request, choice, responseText(response)) } : {};
}

type Measured = Partial<Record<SignalName, number>>;

function measureTokens(tokens: readonly TokenLogprob[]): Measured {
  const measured: Measured = {};
  const logprobs = tokens.map(t => t.logprob).filter(Number.isFinite);
  if (logprobs.length > 0) {
    const sorted = logprobs.toSorted((a, b) => a - b);
    measured.mean_logprob = probability(logprobs.reduce((sum, l) => sum + l, 0) / logprobs.length);
    measured.min_logprob = probability(sorted[0]!);
    measured.quantile_logprob_10 = probability(sorted[Math.floor(0.1 * (sorted.length - 1))]!);
  }
  const margins = tokens.flatMap(({ top }) => {
    const [first, second] = top
      .map(t => t.logprob)
      .filter(Number.isFinite)
      .map(probability)
      .sort((a, b) => b - a);
    return first === undefined || second === undefined ? [] : [first - second];
  });
  if (margins.length > 0) measured.margin = clamp(margins.reduce((sum, m) => sum + m, 0) / margins.length);
  return measured;
}

function measureText({ output }: ChatRequest, choice: Choice, text: string): Measured {
  // An answer that only calls tools has not come to the text whose shape was asked for.
  if (text === '' && choice.content.some(part => part.type === 'tool-call')) return {};
  const measured: Measured = {};
  const value: Json | undefined =
    output?.type === 'json' || output?.type === 'json-schema' || text.startsWith('{') ? parseJson(text) : undefined;
  if (output?.type === 'json') measured.schema_valid = value === undefined ? 0 : 1;
  if (output?.type === 'json-schema') measured.schema_valid = value !== undefined && conforms(value, output.schema) ? 1 : 0;
  const stated = verbalisedConfidence(isObject(value) ? value : lastObject(text));
  if (stated !== undefined) measured.verbalised = stated;
  return measured;
}

/** The text of the first choice. */
export const responseText = (response: ChatResponse): string =>
  (response.choices[0]?.content ?? []).map(part => (part.type === 'text' ? part.text : '')).join('');

const clamp = (x: number): number => Math.min(1, Math.max(0, x));
const probability = (logprob: number): number => clamp(Math.exp(logprob));

/** The confidence that an answer states in JSON: the number `confidence`, from 0 to 1. */
function verbalisedConfidence(stated: Json | undefined): number | undefined {
  const confidence = isObject(stated) ? stated.confidence : undefined;
  return typeof confidence === 'number' && confidence >= 0 && confidence <= 1 ? confidence : undefined;
}

const lastObjectLengthMax = 1_000;

/** The short, flat JSON object that a text ends with. */
function lastObject(text: string): Json | undefined {
  const end = text.slice(-lastObjectLengthMax).trimEnd();
  const start = end.endsWith('}') ? end.lastIndexOf('{') : -1;
  return start < 0 ? undefined : parseJson(end.slice(start));
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
