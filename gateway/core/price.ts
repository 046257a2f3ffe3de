/** What tokens cost. Money is integers of nano-dollars; an unknown price is undefined and never zero. */
import type { Usage } from './chat.ts';

/** USD x 1e9, an integer. */
export type NanoUsd = number;

/** Nano-dollars per million tokens. */
export interface Price {
  /** Names the table and its version, so that a record can be priced again: `genai-prices@0.1.8/openai/gpt-5`. */
  readonly id: string;
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  /** Absent means as dear as input. */
  readonly cached?: NanoUsd;
  readonly cacheWrite?: NanoUsd;
}

export interface Cost {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  readonly total: NanoUsd;
  readonly priceId: string;
}

const perMillion = 1_000_000;

/** Each part is rounded to a whole nano-dollar, so the total is the sum of what is shown. */
export function cost(usage: Usage, price: Price): Cost {
  const fresh = Math.max(0, usage.input - usage.cached - usage.cacheWrite);
  const input = Math.round(
    (fresh * price.input + usage.cached * (price.cached ?? price.input) + usage.cacheWrite * (price.cacheWrite ?? price.input)) /
      perMillion,
  );
  const output = Math.round((usage.output * price.output) / perMillion);
  return { input, output, total: input + output, priceId: price.id };
}

export const usd = (nano: NanoUsd): number => nano / 1e9;
