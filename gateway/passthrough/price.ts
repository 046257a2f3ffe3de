/** The cost of a passed-through response: by seconds, tokens, characters, searches or images; a batch costs half. */
import { type Cost, cost, type Price, priceInBatch, unitCost } from '../core/money/price.ts';
import type { Consumption } from './consumption.ts';

/** The cost in nano-dollars; undefined when no price is known. */
export function costOf(consumption: Consumption, price: Price | undefined): Cost | undefined {
  if (!price) return undefined;
  const { usage, seconds } = consumption;
  const isBilledBySeconds = seconds !== undefined && price.units?.second !== undefined;
  if (!usage && isFree(price)) return { input: 0, output: 0, total: 0, priceId: price.id, state: 'table' };
  return usage && !price.unitsOnly && !isBilledBySeconds ? cost(usage, price) : unitCost(consumption, price);
}

const isFree = ({ input, output, units, unitsOnly }: Price): boolean => input === 0 && output === 0 && !units && !unitsOnly;

/** The price in a batch, as a share of the price of a single request. Source: the vendors' price pages. */
const batchShares: Readonly<Record<string, number>> = {
  openai: 0.5,
  azure: 0.5,
  anthropic: 0.5,
  fireworks: 0.5,
  google: 0.5,
  groq: 0.5,
  together: 0.5,
  mistral: 0.5,
  'x-ai': 0.5,
};

/** The batch price for a price of single requests; undefined for providers without a known batch price. */
export const batchPrice = (price: Price | undefined, book: string): Price | undefined =>
  priceInBatch(price, Object.hasOwn(batchShares, book) ? batchShares[book] : undefined);
