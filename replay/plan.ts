/** What a replay would do and cost, from recorded token counts and the price book; nobody is called. */
import { cost, type NanoUsd, type Price } from '../gateway/core/price.ts';
import type { Warning } from '../gateway/core/provider.ts';
import type { Instant } from '../gateway/core/time.ts';
import { prepare, type Question } from '../gateway/question.ts';
import type { World } from '../gateway/world.ts';
import type { RecordedRequest } from './source.ts';

export interface Estimate {
  /** With as many tokens as the recorded answer had. */
  readonly expected: NanoUsd;
  /** With every attempt that the policy allows, each as long as the request lets it be. */
  readonly worst: NanoUsd;
  /** Targets whose price nobody has said; they are in neither sum. */
  readonly unpriced: readonly string[];
  /** What the targets cannot carry, each with its target's name. */
  readonly losses: readonly { readonly target: string; readonly warning: Warning }[];
}

/** An answer without a limit of its own is taken to end here, in tokens. */
const outputTokensMax = 16_384;
/** A token is never shorter than this, in bytes; so this many input tokens at most. */
const bytesPerTokenMin = 2;

/** The first step is expected to answer; a step with `accept` may send the request on, which is in the worst case alone. */
export function estimate(question: Question, recorded: RecordedRequest, world: World, at: Instant): Estimate {
  const { steps } = question.policy;
  const unpriced: string[] = [];
  const losses: { target: string; warning: Warning }[] = [];
  let expected = 0;
  let worst = 0;
  for (const [i, step] of steps.entries()) {
    const { provider, providerName, model } = world.targetOf(step.target, question.id);
    for (const warning of prepare(question, step, provider, model).warnings) losses.push({ target: step.target, warning });
    const price = world.priceOf(provider, providerName, model, at);
    if (!price) {
      unpriced.push(step.target);
      continue;
    }
    const { inputTokens, outputTokens } = recorded.answer;
    if (i === 0) expected = priced(price, inputTokens, outputTokens);
    const longest = (question.chat.maxOutputTokens ?? outputTokensMax) * (question.chat.choices ?? 1);
    const tries = 1 + step.retries + (step.hedgeAfterMs === undefined ? 0 : 1);
    worst += tries * priced(price, Math.max(inputTokens, Math.ceil(question.body.byteLength / bytesPerTokenMin)), longest);
  }
  return { expected, worst, unpriced, losses };
}

function priced(price: Price, input: number, output: number): NanoUsd {
  return cost({ input, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' }, price).total;
}
