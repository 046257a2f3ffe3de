/** The estimated cost of a request, which its budgets reserve. */
import type { Exchange } from '../core/exchange.ts';
import type { CostEstimate } from '../core/money/budget.ts';
import { cost, type NanoUsd, type Price } from '../core/money/price.ts';
import { estimatePromptTokens } from '../core/money/token-estimate.ts';
import type { RoutePolicy, RouteStep } from '../core/routing/contract.ts';
import type { Instant } from '../core/shared/time.ts';
import type { RoutedRequest } from '../exchange/contract.ts';

/** Assumed output of a target that has not answered yet. */
const defaultOutputTokens = 1_000;
/** Assumed output of a judge: one number, perhaps after reasoning. */
const judgeTokens = 1_024;
/** Factor over the longest recent output, which decays with each response. */
const safetyMargin = 1.1;
const decay = 0.95;
const targetsMax = 1_000;

export type PriceOfTarget = (target: string, at: Instant) => Price | undefined;

export interface PricedEstimate extends CostEstimate {
  /** The first target without a known price; absent when all prices are known, and for free endpoints. */
  readonly unpriced?: string;
}

/** Estimates what a request may cost at most, from its prompt, `max_tokens` and the recent outputs of each target. */
export class CostEstimator {
  readonly #outputs = new Map<string, number>();

  estimate({ chat, body, policy, receivedAt, estimatedTokens }: RoutedRequest, priceOf: PriceOfTarget): PricedEstimate {
    const input = estimatedTokens?.input ?? estimatePromptTokens(chat, body.byteLength);
    const isOutputUnknown = !estimatedTokens && chat.maxOutputTokens === undefined;
    const outputOf = (target: string): number =>
      (estimatedTokens?.output ?? chat.maxOutputTokens ?? Math.ceil((this.#outputs.get(target) ?? defaultOutputTokens) * safetyMargin)) *
      (chat.choices ?? 1);
    let unpriced: string | undefined;
    const costOfCall = (target: string, output: number, extraInput = 0): NanoUsd => {
      const price = priceOf(target, receivedAt);
      if (!price && !estimatedTokens?.isFree) unpriced ??= target;
      const usage = { input: input + extraInput, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' } as const;
      return price ? cost(usage, price).total : 0;
    };
    const costs = policy.steps.map(step => stepCost(step, target => costOfCall(target, outputOf(target)), costOfCall, outputOf));
    const output = Math.max(0, ...policy.steps.map(({ target }) => outputOf(target)));
    return {
      nanoUsd: expectedCost(policy, costs),
      tokens: input + output,
      isGuess: isOutputUnknown && policy.steps.some(({ target }) => !this.#outputs.has(target)),
      ...(unpriced === undefined ? {} : { unpriced }),
    };
  }

  /** Takes the output lengths of an ended exchange into account. */
  learn({ attempts }: Exchange): void {
    for (const { target, outcome, usage } of attempts) {
      if (outcome !== 'ok' || !usage) continue;
      const known = this.#outputs.get(target) ?? 0;
      this.#outputs.delete(target);
      if (this.#outputs.size >= targetsMax) this.#outputs.delete(this.#outputs.keys().next().value!);
      this.#outputs.set(target, Math.max(usage.output, known * decay));
    }
  }
}

/** One response of the step, with its samples and its judge. */
function stepCost(
  { target, judge, samples = 1, accept }: RouteStep,
  answer: (target: string) => NanoUsd,
  priced: (target: string, output: number, more: number) => NanoUsd,
  outputOf: (target: string) => number,
): NanoUsd {
  const answerCost = answer(target) * (accept ? samples : 1);
  return accept && judge !== undefined ? answerCost + priced(judge, judgeTokens, outputOf(target)) : answerCost;
}

/** A step with `accept` is paid even when its response is declined, and a hedge pays twice. Of the other steps one is paid, perhaps the dearest. */
function expectedCost({ steps, onBreak }: RoutePolicy, costs: readonly NanoUsd[]): NanoUsd {
  const sum = (costsToAdd: readonly NanoUsd[]): NanoUsd => costsToAdd.reduce((total, one) => total + one, 0);
  if (onBreak !== undefined) return sum(costs);
  const declinable = costs.filter((_, i) => steps[i]!.accept !== undefined);
  const plain = costs.filter((_, i) => steps[i]!.accept === undefined);
  const dearest = Math.max(0, ...plain);
  const isHedged = steps.some(({ hedgeAfterMs }) => hedgeAfterMs !== undefined);
  // The last step hedges to its own target.
  const hedge = isHedged ? (plain.length > 1 ? plain.toSorted((a, b) => b - a)[1]! : dearest) : 0;
  return sum(declinable) + dearest + hedge;
}
