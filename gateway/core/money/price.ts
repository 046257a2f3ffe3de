/** The cost of tokens. Money is integer nano-dollars; an unknown price is undefined, never zero. */
import type { Usage } from '../chat/chat.ts';

/** USD x 1e9, an integer. */
export type NanoUsd = number;

/** Nano-dollars per million tokens. */
export interface Rates {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  /** Absent means the price of input. */
  readonly cached?: NanoUsd;
  readonly cacheWrite?: NanoUsd;
  /** Cache writes that are kept for an hour; absent means the price of other writes. */
  readonly cacheWriteHour?: NanoUsd;
  /** Absent means the price of text. */
  readonly audioInput?: NanoUsd;
  readonly audioOutput?: NanoUsd;
}

/** A model's rates, in nano-dollars per million tokens. */
export interface Price extends Rates {
  /** The price table with its version, so that a record can be priced again: `genai-prices@0.1.8/openai/gpt-5`. */
  readonly id: string;
  /** Rates of all tokens of a request with more input than `above`, in ascending order. */
  readonly tiers?: readonly (Rates & { readonly above: number })[];
  /** Service tiers as a multiple of this price: `{ flex: 0.5, priority: 2 }`. */
  readonly serviceTiers?: Readonly<Record<string, number>>;
}

/** The cost of a call in nano-dollars, by part. */
export interface Cost {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  readonly total: NanoUsd;
  /** The saving by the prompt cache; negative where writing cost more than reading saved. Absent when nothing was cached. */
  readonly saved?: NanoUsd;
  readonly priceId: string;
}

const perMillion = 1_000_000;

/** Each part is rounded to a nano-dollar, so the total is the sum of the displayed parts. */
export function cost(usage: Usage, price: Price): Cost {
  const rates = price.tiers?.findLast(({ above }) => usage.input > above) ?? price;
  const uncached = Math.max(0, usage.input - usage.cached - usage.cacheWrite);
  const writtenForHour = Math.min(usage.cacheWrite, usage.cacheWriteHour ?? 0);
  const audioInput = Math.min(uncached, usage.audioInput ?? 0);
  const audioOutput = Math.min(usage.output, usage.audioOutput ?? 0);
  const input = Math.round(
    ((uncached - audioInput) * rates.input +
      audioInput * (rates.audioInput ?? rates.input) +
      usage.cached * (rates.cached ?? rates.input) +
      (usage.cacheWrite - writtenForHour) * (rates.cacheWrite ?? rates.input) +
      writtenForHour * (rates.cacheWriteHour ?? rates.cacheWrite ?? rates.input)) /
      perMillion,
  );
  const output = Math.round(((usage.output - audioOutput) * rates.output + audioOutput * (rates.audioOutput ?? rates.output)) / perMillion);
  return { input, output, total: input + output, priceId: price.id };
}

const rateNames = [
  'input',
  'output',
  'cached',
  'cacheWrite',
  'cacheWriteHour',
  'audioInput',
  'audioOutput',
] as const satisfies readonly (keyof Rates)[];

/** A multiple of a price, under its own name. */
export function scalePrice(price: Price, share: number, name: string): Price {
  const parts = <Some extends Rates>(rates: Some): Some => {
    const scaledRates = rateNames.flatMap(rate => (rates[rate] === undefined ? [] : [[rate, Math.round(rates[rate] * share)] as const]));
    return { ...rates, ...Object.fromEntries(scaledRates) };
  };
  return { ...parts(price), id: `${price.id}+${name}`, ...(price.tiers ? { tiers: price.tiers.map(parts) } : {}) };
}

/** Tiers with a price of their own; any other value means the standard tier. */
const pricedTiers: readonly string[] = ['flex', 'priority', 'performance', 'scale', 'batch', 'fast'];

/** The price at the tier that served the request; undefined where that tier's price is unknown. */
export function priceAtTier(price: Price | undefined, tier: string | undefined): Price | undefined {
  const name = tier?.toLowerCase() ?? '';
  const share = price?.serviceTiers && Object.hasOwn(price.serviceTiers, name) ? price.serviceTiers[name] : undefined;
  if (price && share !== undefined) return scalePrice(price, share, name);
  return pricedTiers.includes(name) ? undefined : price;
}

/** The provider's billed amount, if it gives one and the operator set no price; else the table's cost. Undefined when both are unknown. */
export function costOf(usage: Usage, price: Price | undefined): Cost | undefined {
  const { billed } = usage;
  const counted = price && cost(usage, price);
  if (billed === undefined || usage.source !== 'provider' || price?.id.startsWith('config/'))
    return counted && withCacheSaving(counted, usage, price);
  const share = counted && counted.total > 0 ? counted.input / counted.total : 0;
  const input = Math.round(billed * share);
  return withCacheSaving({ input, output: billed - input, total: billed, priceId: 'stated' }, usage, price);
}

/** The cost with the saving by the provider's prompt cache, from the table's prices. */
export function withCacheSaving(known: Cost, usage: Usage, price: Price | undefined): Cost {
  if (!price || usage.cached + usage.cacheWrite === 0) return known;
  const { cacheWriteHour: _, ...counted } = usage;
  const full = cost({ ...counted, cached: 0, cacheWrite: 0 }, price);
  return { ...known, saved: full.input - cost(usage, price).input };
}

export const usd = (nano: NanoUsd): number => nano / 1e9;
