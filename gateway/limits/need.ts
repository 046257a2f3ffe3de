/** What a request is reckoned to cost before anybody has answered it: the dearest of its targets, at the length that it allows or that answers lately had. */

import type { Question } from '../asking/question.ts';
import type { Need } from '../core/budget.ts';
import type { Exchange } from '../core/exchange.ts';
import { cost, type Price } from '../core/price.ts';
import type { Instant } from '../core/time.ts';

const bytesPerToken = 4;
/** Of an answer of which nothing is known. */
const outputGuess = 1_000;
/** Over the longest of late, which fades. */
const margin = 1.1;
const fade = 0.95;
const targetsMax = 1_000;

export type PriceOfTarget = (target: string, at: Instant) => Price | undefined;

export class Needs {
  readonly #outputs = new Map<string, number>();

  of({ chat, body, policy, receivedAt, reckoned }: Question, priceOf: PriceOfTarget): Need {
    const input = reckoned?.input ?? Math.ceil(body.byteLength / bytesPerToken);
    let nanoUsd = 0;
    let output = 0;
    let isGuess = false;
    for (const { target } of policy.steps) {
      const learned = this.#outputs.get(target);
      const one = reckoned?.output ?? chat.maxOutputTokens ?? Math.ceil((learned ?? outputGuess) * margin);
      if (!reckoned && chat.maxOutputTokens === undefined && learned === undefined) isGuess = true;
      const tokens = one * (chat.choices ?? 1);
      output = Math.max(output, tokens);
      const price = priceOf(target, receivedAt);
      const usage = { input, output: tokens, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' } as const;
      if (price) nanoUsd = Math.max(nanoUsd, cost(usage, price).total);
    }
    return { nanoUsd, tokens: input + output, isGuess };
  }

  learn({ attempts }: Exchange): void {
    for (const { target, outcome, usage } of attempts) {
      if (outcome !== 'ok' || !usage) continue;
      const known = this.#outputs.get(target) ?? 0;
      this.#outputs.delete(target);
      if (this.#outputs.size >= targetsMax) this.#outputs.delete(this.#outputs.keys().next().value!);
      this.#outputs.set(target, Math.max(usage.output, known * fade));
    }
  }
}
