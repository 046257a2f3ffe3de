/** What tokens cost. Money is integers of nano-dollars; an unknown price is undefined and never zero. */
import type { Usage } from '../chat/chat.ts';

/** USD x 1e9, an integer. */
export type NanoUsd = number;

/** Nano-dollars per million tokens. */
export interface Rates {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  /** Absent means as dear as input. */
  readonly cached?: NanoUsd;
  readonly cacheWrite?: NanoUsd;
  /** Of what is to be kept for an hour; absent means as dear as other writes. */
  readonly cacheWriteHour?: NanoUsd;
  /** Absent means as dear as text. */
  readonly audioInput?: NanoUsd;
  readonly audioOutput?: NanoUsd;
}

export interface Price extends Rates {
  /** Names the table and its version, so that a record can be priced again: `genai-prices@0.1.8/openai/gpt-5`. */
  readonly id: string;
  /** What all tokens of a request cost whose input is larger than `above`; in ascending order. */
  readonly tiers?: readonly (Rates & { readonly above: number })[];
  /** What a service tier costs, as a share of this price: `{ flex: 0.5, priority: 2 }`. */
  readonly serviceTiers?: Readonly<Record<string, number>>;
}

export interface Cost {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  readonly total: NanoUsd;
  /** What the prompt cache made it cheaper; below zero where writing to it cost more than reading saved. Absent when nothing was cached. */
  readonly saved?: NanoUsd;
  readonly priceId: string;
}

const perMillion = 1_000_000;

/** Each part is rounded to a whole nano-dollar, so the total is the sum of what is shown. */
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

/** A share of a price, under a name of its own. */
export function scalePrice(price: Price, share: number, name: string): Price {
  const parts = <Some extends Rates>(rates: Some): Some => {
    const scaledRates = rateNames.flatMap(rate => (rates[rate] === undefined ? [] : [[rate, Math.round(rates[rate] * share)] as const]));
    return { ...rates, ...Object.fromEntries(scaledRates) };
  };
  return { ...parts(price), id: `${price.id}+${name}`, ...(price.tiers ? { tiers: price.tiers.map(parts) } : {}) };
}

/** Tiers that are known to have a price of their own; any other word means the ordinary one. */
const pricedTiers: readonly string[] = ['flex', 'priority', 'performance', 'scale', 'batch', 'fast'];

/** What it costs where this tier served it; undefined where nobody has said what the tier costs. */
export function priceAtTier(price: Price | undefined, tier: string | undefined): Price | undefined {
  const name = tier?.toLowerCase() ?? '';
  const share = price?.serviceTiers && Object.hasOwn(price.serviceTiers, name) ? price.serviceTiers[name] : undefined;
  if (price && share !== undefined) return scalePrice(price, share, name);
  return pricedTiers.includes(name) ? undefined : price;
}

/** By what the provider says that it bills, where it does and the operator has set no price; undefined when nobody knows. */
export function costOf(usage: Usage, price: Price | undefined): Cost | undefined {
  const { billed } = usage;
  const counted = price && cost(usage, price);
  if (billed === undefined || usage.source !== 'provider' || price?.id.startsWith('config/'))
    return counted && withCacheSaving(counted, usage, price);
  const share = counted && counted.total > 0 ? counted.input / counted.total : 0;
  const input = Math.round(billed * share);
  return withCacheSaving({ input, output: billed - input, total: billed, priceId: 'stated' }, usage, price);
}

/** The cost with what the provider's prompt cache saved, by the table's prices. */
export function withCacheSaving(known: Cost, usage: Usage, price: Price | undefined): Cost {
  if (!price || usage.cached + usage.cacheWrite === 0) return known;
  const { cacheWriteHour: _, ...counted } = usage;
  const full = cost({ ...counted, cached: 0, cacheWrite: 0 }, price);
  return { ...known, saved: full.input - cost(usage, price).input };
}

export const usd = (nano: NanoUsd): number => nano / 1e9;
