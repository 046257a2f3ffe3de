/** The estimated cost of a request, which its budgets reserve. */
import type { Exchange } from '../core/exchange.ts';
import type { CostEstimate } from '../core/money/budget.ts';
import { cost, type NanoUsd, type Price } from '../core/money/price.ts';
import { estimatePromptTokens } from '../core/money/token-estimate.ts';
import type { RoutePolicy, RouteStep } from '../core/routing/contract.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import type { Instant } from '../core/shared/time.ts';
import type { RoutedRequest } from '../exchange/contract.ts';

/** Assumed output of a target that has not answered yet. */
const defaultOutputTokens = 1_000;
/** Assumed output of a judge: one number, perhaps after reasoning. */
const judgeTokens = 1_024;
/** Added to the input of a target whose bills are not known yet: what it adds by itself, such as a system prompt. */
const unseenInputTokens = 500;
/** Factor over the longest recent output, and over the largest recent input, which decay with each response. */
const safetyMargin = 1.1;
const decay = 0.95;
const targetsMax = 1_000;
/** Inputs are alike within a factor of 4. */
const sizeClass = (tokens: number): number => Math.floor(Math.log2(Math.max(1, tokens)) / 2);

export type PriceOfTarget = (target: string, at: Instant) => Price | undefined;

export interface PricedEstimate extends CostEstimate {
  /** The first target without a known price; absent when all prices are known, and for free endpoints. */
  readonly unpriced?: string;
  /** What the calls of these targets alone may cost at most. */
  costOf(matches: (target: string) => boolean): NanoUsd;
}

/** Estimates what a request may cost at most, from its prompt, `max_tokens`, and what each target counted and answered lately. */
export class CostEstimator {
  readonly #outputs = new Map<string, number>();
  /** Billed to estimated input, by target and size. */
  readonly #inputRatios = new Map<string, number>();

  estimate(request: RoutedRequest, priceOf: PriceOfTarget): PricedEstimate {
    const { chat, policy, receivedAt, estimatedTokens } = request;
    const input = inputOf(request);
    const isOutputUnknown = !estimatedTokens && chat.maxOutputTokens === undefined;
    const outputOf = (target: string): number =>
      (estimatedTokens?.output ?? chat.maxOutputTokens ?? Math.ceil((this.#outputs.get(target) ?? defaultOutputTokens) * safetyMargin)) *
      (chat.choices ?? 1);
    let unpriced: string | undefined;
    const costOfCall = (target: string, output: number, extraInput = 0): NanoUsd => {
      const price = priceOf(target, receivedAt);
      if (!price && !estimatedTokens?.isFree) unpriced ??= target;
      const counted = this.#inputFor(target, input) + extraInput;
      return price ? cost({ ...noTokens, input: counted, output }, price).total : 0;
    };
    const costs = policy.steps.map(step => stepCost(step, target => costOfCall(target, outputOf(target)), costOfCall, outputOf));
    const output = Math.max(0, ...policy.steps.map(({ target }) => outputOf(target)));
    const isUnseen = policy.steps.some(
      ({ target }) => (isOutputUnknown && !this.#outputs.has(target)) || !this.#inputRatios.has(ratioName(target, input)),
    );
    const least = (target: string): NanoUsd => {
      const price = priceOf(target, receivedAt);
      return price ? cost({ ...noTokens, input, output: outputOf(target) }, price).total : 0;
    };
    return {
      nanoUsd: expectedCost(policy, costs),
      tokens: input + output,
      isGuess: isUnseen,
      ...(isOutputUnknown || !isUnseen
        ? {}
        : {
            leastNanoUsd: expectedCost(
              policy,
              policy.steps.map(step => stepCost(step, least, () => 0, outputOf)),
            ),
          }),
      ...(unpriced === undefined ? {} : { unpriced }),
      costOf: matches =>
        expectedCost(
          policy,
          costs.map((one, i) => (matches(policy.steps[i]!.target) ? one : 0)),
        ),
    };
  }

  /** Takes the counts of an ended exchange into account. */
  learn(request: Pick<RoutedRequest, 'chat' | 'body' | 'estimatedTokens'>, { attempts }: Exchange): void {
    const estimated = attempts.some(({ usage }) => usage) ? inputOf(request) : 0;
    for (const { target, outcome, usage, kind } of attempts) {
      if (outcome !== 'ok' || !usage) continue;
      putLruEntry(this.#outputs, target, Math.max(usage.output, (this.#outputs.get(target) ?? 0) * decay), targetsMax);
      // A judge is asked something else.
      if (usage.source !== 'provider' || kind === 'judge') continue;
      const name = ratioName(target, estimated);
      putLruEntry(
        this.#inputRatios,
        name,
        Math.max(usage.input / Math.max(1, estimated), (this.#inputRatios.get(name) ?? 0) * decay),
        targetsMax,
      );
    }
  }

  #inputFor(target: string, estimated: number): number {
    const ratio = this.#inputRatios.get(ratioName(target, estimated));
    return ratio === undefined ? estimated + unseenInputTokens : Math.ceil(estimated * ratio * safetyMargin - 1e-6);
  }
}

const noTokens = { cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' } as const;

const ratioName = (target: string, tokens: number): string => `${target} ${sizeClass(tokens)}`;

const inputOf = ({ chat, body, estimatedTokens }: Pick<RoutedRequest, 'chat' | 'body' | 'estimatedTokens'>): number =>
  estimatedTokens?.input ?? estimatePromptTokens(chat, body.byteLength);

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
