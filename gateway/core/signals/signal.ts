/** Signals of a response, measured when it is recorded. Each lies in [0, 1]; higher is more confident. */
import type { ChatRequest, ChatResponse, Choice, TokenLogprob } from '../chat/chat.ts';
import { isObject, type Json, parseJson } from '../chat/json.ts';
import { conforms } from '../chat/json-schema.ts';
import type { FeatureName, SignalName, Signals } from './names.ts';
/** The trained scorer where there is one, else the mean log-probability. */
export const confidenceOf = (signals: Signals): number | undefined => signals.scorer ?? signals.mean_logprob;

/** The condition for accepting a response. `confidence` stands for the signal that `confidenceOf` picks. */
export type AcceptRule =
  | { readonly signal: SignalName | 'confidence'; readonly atLeast: number }
  | { readonly all: readonly AcceptRule[] }
  | { readonly any: readonly AcceptRule[] };

/** An absent signal does not satisfy the rule, so a response without signals escalates. So does an unsound one, whatever its confidence. */
export function accepts(accept: AcceptRule, signals: Signals): boolean {
  if (signals.sound === 0) return false;
  if ('all' in accept) return accept.all.every(a => accepts(a, signals));
  if ('any' in accept) return accept.any.some(a => accepts(a, signals));
  const value = accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal];
  return value !== undefined && value >= accept.atLeast;
}

/** The `top_logprobs` to request for measuring `accept`; undefined when it needs no log-probabilities. */
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
  if (!choice) return {};
  const text = measureText(request, choice, responseText(response));
  return choice.logprobs ? { ...measureTokens(choice.logprobs), ...text } : text;
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
  // A response with only tool calls has no text to check against the requested format.
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
export function responseText({ choices: [choice] }: ChatResponse): string {
  if (!choice) return '';
  let text = '';
  for (const part of choice.content) if (part.type === 'text') text += part.text;
  return text;
}

const clamp = (x: number): number => Math.min(1, Math.max(0, x));
const probability = (logprob: number): number => clamp(Math.exp(logprob));

/** The confidence that a response states in JSON: the number `confidence`, from 0 to 1. */
function verbalisedConfidence(stated: Json | undefined): number | undefined {
  const confidence = isObject(stated) ? stated.confidence : undefined;
  return typeof confidence === 'number' && confidence >= 0 && confidence <= 1 ? confidence : undefined;
}

const lastObjectLengthMax = 1_000;

/** The short, flat JSON object at the end of a text. */
function lastObject(text: string): Json | undefined {
  const end = text.slice(-lastObjectLengthMax).trimEnd();
  const start = end.endsWith('}') ? end.lastIndexOf('{') : -1;
  return start < 0 ? undefined : parseJson(end.slice(start));
}
