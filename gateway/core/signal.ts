/** What an answer shows about itself, measured at record time. Each signal lies in [0, 1] and higher is surer. */
import type { ChatRequest, ChatResponse } from './chat.ts';

export const signalNames = [
  'mean_logprob',
  'min_logprob',
  'quantile_logprob_10',
  'margin',
  'schema_valid',
  'verbalised',
  'agreement',
  'judge',
  'scorer',
] as const;
export type SignalName = (typeof signalNames)[number];

/** A signal that cannot be measured is absent, never 0. */
export type Signals = Readonly<Partial<Record<SignalName, number>>>;

/** `confidence` is the trained scorer where there is one, else the mean log-probability. */
export const confidenceOf = (signals: Signals): number | undefined => signals.scorer ?? signals.mean_logprob;

/** What a response must show to be taken. `confidence` may stand for the signal it means. */
export type Accept =
  | { readonly signal: SignalName | 'confidence'; readonly atLeast: number }
  | { readonly all: readonly Accept[] }
  | { readonly any: readonly Accept[] };

/** An absent signal does not satisfy: an answer that shows nothing escalates. */
export function accepts(accept: Accept, signals: Signals): boolean {
  if ('all' in accept) return accept.all.every(a => accepts(a, signals));
  if ('any' in accept) return accept.any.some(a => accepts(a, signals));
  const value = accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal];
  return value !== undefined && value >= accept.atLeast;
}

/** How many alternatives per token must be asked of the upstream to measure what `accept` asks for; undefined when no log-probabilities are. */
export function topLogprobsNeeded(accept: Accept): number | undefined {
  if ('signal' in accept) {
    if (accept.signal === 'margin') return 2;
    return accept.signal === 'confidence' || accept.signal.includes('logprob') ? 0 : undefined;
  }
  const needed = ('all' in accept ? accept.all : accept.any).map(topLogprobsNeeded).filter(top => top !== undefined);
  return needed.length > 0 ? Math.max(...needed) : undefined;
}

/** The signals of the first choice. */
export function measure(request: ChatRequest, response: ChatResponse): Signals {
  const choice = response.choices[0];
  if (!choice) return {};
  const signals: Partial<Record<SignalName, number>> = {};
  const logprobs = (choice.logprobs ?? []).map(t => t.logprob).filter(Number.isFinite);
  if (logprobs.length > 0) {
    const sorted = logprobs.toSorted((a, b) => a - b);
    signals.mean_logprob = probability(logprobs.reduce((sum, l) => sum + l, 0) / logprobs.length);
    signals.min_logprob = probability(sorted[0]!);
    signals.quantile_logprob_10 = probability(sorted[Math.floor(0.1 * (sorted.length - 1))]!);
  }
  const margins = (choice.logprobs ?? []).flatMap(t =>
    t.top.length >= 2 ? [Math.exp(t.top[0]!.logprob) - Math.exp(t.top[1]!.logprob)] : [],
  );
  if (margins.length > 0) signals.margin = clamp(margins.reduce((sum, m) => sum + m, 0) / margins.length);
  if (request.output?.type === 'json' || request.output?.type === 'json-schema') signals.schema_valid = isJson(textOf(response)) ? 1 : 0;
  return signals;
}

/** The text of the first choice. */
export const textOf = (response: ChatResponse): string =>
  (response.choices[0]?.content ?? []).map(part => (part.type === 'text' ? part.text : '')).join('');

const clamp = (x: number): number => Math.min(1, Math.max(0, x));
const probability = (logprob: number): number => clamp(Math.exp(logprob));

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
