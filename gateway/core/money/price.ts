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
  /** Absent means the price of other cached tokens. */
  readonly audioCached?: NanoUsd;
  /** Absent means the price of text. */
  readonly imageInput?: NanoUsd;
  readonly imageOutput?: NanoUsd;
  /** Absent means the price of output. */
  readonly reasoning?: NanoUsd;
}

/** What is billed by something else than tokens. Nano-dollars; fractions are rounded in the sum. */
export interface UnitPrices {
  readonly request?: NanoUsd;
  readonly search?: NanoUsd;
  readonly character?: NanoUsd;
  /** Of audio. */
  readonly second?: NanoUsd;
  /** By size, with a quality other than `standard` before it: `1024x1024`, `hd 1024x1792`. `*` for every other image. */
  readonly image?: Readonly<Record<string, NanoUsd>>;
}

/** A model's rates, in nano-dollars per million tokens. */
export interface Price extends Rates {
  /** The price table with its version, so that a record can be priced again: `genai-prices@0.1.8/openai/gpt-5`. */
  readonly id: string;
  /** Rates of all tokens of a request with more input than `above`, in ascending order. */
  readonly tiers?: readonly (Rates & { readonly above: number })[];
  /** Service tiers as a multiple of this price: `{ flex: 0.5, priority: 2 }`. */
  readonly serviceTiers?: Readonly<Record<string, number>>;
  readonly units?: UnitPrices;
  /** The model has no price per token: `input` and `output` are 0 and mean nothing. */
  readonly unitsOnly?: true;
  /** In a batch: a share of this price, or a price of its own. Absent means the provider's share. */
  readonly batch?: number | Rates;
  /** The model's maker asks this price; the reseller's own is unknown. */
  readonly isEstimate?: true;
}

/** How a cost came to be known: stated by the provider, counted by the built-in table or the configured price, or counted by estimated tokens or prices. */
export type PriceState = 'stated' | 'table' | 'config' | 'estimated' | 'unknown';

/** The cost of a call in nano-dollars, by part. */
export interface Cost {
  readonly input: NanoUsd;
  readonly output: NanoUsd;
  readonly total: NanoUsd;
  /** The saving by the prompt cache; negative where writing cost more than reading saved. Absent when nothing was cached. */
  readonly saved?: NanoUsd;
  readonly priceId: string;
  readonly state?: Exclude<PriceState, 'unknown'>;
}

const perMillion = 1_000_000;

/** Each part is rounded to a nano-dollar, so the total is the sum of the displayed parts. */
export function cost(usage: Usage, price: Price): Cost {
  const rates = price.tiers?.findLast(({ above }) => usage.input > above) ?? price;
  const fees = (price.units?.request ?? 0) + (usage.searches ?? 0) * (price.units?.search ?? 0);
  const input = Math.round(inputCost(usage, rates) / perMillion);
  const output = Math.round(outputCost(usage, rates) / perMillion + fees);
  return { input, output, total: input + output, priceId: price.id, state: stateOf(usage, price) };
}

function inputCost(usage: Usage, rates: Rates): number {
  const uncached = Math.max(0, usage.input - usage.cached - usage.cacheWrite);
  const audioCached = Math.min(usage.cached, usage.audioCached ?? 0);
  const audio = Math.min(uncached, Math.max(0, (usage.audioInput ?? 0) - audioCached));
  const image = Math.min(uncached - audio, usage.imageInput ?? 0);
  const writtenForHour = Math.min(usage.cacheWrite, usage.cacheWriteHour ?? 0);
  const cached = rates.cached ?? rates.input;
  return (
    (uncached - audio - image) * rates.input +
    audio * (rates.audioInput ?? rates.input) +
    image * (rates.imageInput ?? rates.input) +
    (usage.cached - audioCached) * cached +
    audioCached * (rates.audioCached ?? cached) +
    (usage.cacheWrite - writtenForHour) * (rates.cacheWrite ?? rates.input) +
    writtenForHour * (rates.cacheWriteHour ?? rates.cacheWrite ?? rates.input)
  );
}

/** A token that is of two kinds is billed as sound, then as image, then as reasoning. */
function outputCost(usage: Usage, rates: Rates): number {
  const audio = Math.min(usage.output, usage.audioOutput ?? 0);
  const image = Math.min(usage.output - audio, usage.imageOutput ?? 0);
  const reasoning = rates.reasoning === undefined ? 0 : Math.min(usage.output - audio - image, usage.reasoning);
  return (
    (usage.output - audio - image - reasoning) * rates.output +
    audio * (rates.audioOutput ?? rates.output) +
    image * (rates.imageOutput ?? rates.output) +
    reasoning * (rates.reasoning ?? rates.output)
  );
}

function stateOf(usage: Usage, price: Price): Exclude<PriceState, 'unknown'> {
  if (usage.source === 'estimated' || price.isEstimate) return 'estimated';
  return price.id.startsWith('config/') ? 'config' : 'table';
}

/** What a call used besides tokens. */
export interface UsedUnits {
  /** Of audio. */
  readonly seconds?: number;
  readonly characters?: number;
  readonly searches?: number;
  readonly images?: { readonly count: number; readonly size: string; readonly quality: string };
}

/** The cost of what is billed by something else than tokens; undefined when the price has none of these units. */
export function unitCost({ seconds, characters, searches, images }: UsedUnits, price: Price): Cost | undefined {
  const { units = {} } = price;
  const each = images && units.image && (units.image[imageName(images)] ?? units.image['*']);
  const parts = [
    product(seconds, units.second),
    product(characters, units.character),
    product(searches, units.search),
    product(images?.count, each),
  ].filter(part => part !== undefined);
  if (parts.length === 0) return undefined;
  const total = Math.round(parts.reduce((sum, part) => sum + part, units.request ?? 0));
  return { input: 0, output: total, total, priceId: price.id, state: price.id.startsWith('config/') ? 'config' : 'table' };
}

const imageName = ({ size, quality }: NonNullable<UsedUnits['images']>): string =>
  quality === 'standard' || quality === 'auto' ? size : `${quality} ${size}`;

const product = (count: number | undefined, each: number | undefined): number | undefined =>
  count === undefined || each === undefined ? undefined : count * each;

const rateNames = [
  'input',
  'output',
  'cached',
  'cacheWrite',
  'cacheWriteHour',
  'audioInput',
  'audioOutput',
  'audioCached',
  'imageInput',
  'imageOutput',
  'reasoning',
] as const satisfies readonly (keyof Rates)[];

/** A multiple of a price per token, under its own name. Fees stay. */
export function scalePrice(price: Price, share: number, name: string): Price {
  const parts = <Some extends Rates>(rates: Some): Some => {
    const scaledRates = rateNames.flatMap(rate => (rates[rate] === undefined ? [] : [[rate, Math.round(rates[rate] * share)] as const]));
    return { ...rates, ...Object.fromEntries(scaledRates) };
  };
  return { ...parts(price), id: `${price.id}+${name}`, ...(price.tiers ? { tiers: price.tiers.map(parts) } : {}) };
}

/** The price in a batch: the price's own, else this share of it; undefined when neither is known. */
export function priceInBatch(price: Price | undefined, share: number | undefined): Price | undefined {
  const { batch = share, ...single } = price ?? {};
  if (!price || batch === undefined) return undefined;
  if (typeof batch === 'number') return scalePrice(single as Price, batch, 'batch');
  const { tiers: _, ...rest } = single as Price;
  return { ...rest, ...batch, id: `${price.id}+batch` };
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
  const counted = price && !price.unitsOnly ? cost(usage, price) : undefined;
  if (billed === undefined || usage.source !== 'provider' || price?.id.startsWith('config/'))
    return counted && withCacheSaving(counted, usage, price);
  const share = counted && counted.total > 0 ? counted.input / counted.total : 0;
  const input = Math.round(billed * share);
  return withCacheSaving({ input, output: billed - input, total: billed, priceId: 'stated', state: 'stated' }, usage, price);
}

/** The cost with the saving by the provider's prompt cache, from the table's prices. */
export function withCacheSaving(known: Cost, usage: Usage, price: Price | undefined): Cost {
  if (!price || usage.cached + usage.cacheWrite === 0) return known;
  const { cacheWriteHour: _, ...counted } = usage;
  const full = cost({ ...counted, cached: 0, cacheWrite: 0 }, price);
  return { ...known, saved: full.input - cost(usage, price).input };
}

/** Nano-dollars in USD. */
export const usd = (nano: NanoUsd): number => nano / 1e9;
