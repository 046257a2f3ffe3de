/** What a model costs per token: the config's own prices, then ours for `simulated`, then the table of @pydantic/genai-prices. */
import { calcPrice, type PriceCalculation } from '@pydantic/genai-prices';
import type { NanoUsd, Price } from './core/price.ts';
import type { Instant } from './core/time.ts';
import type { PriceOverride } from './settings.ts';

/**
 * `provider` is the price book's name (`Provider.priceBook`), `model` the one that served, `at` the moment of the call.
 * Undefined when nobody has said what the model costs; a price of 0 means that somebody said it is free.
 */
export type PriceOf = (provider: string, model: string, at: Instant) => Price | undefined;

export const tableVersion = 'genai-prices@0.1.8';
const listingsMax = 1_000;
/** No model has a longer name; what is longer is somebody's input, and is not kept. */
const nameLengthMax = 200;

const simulatedPrices: Readonly<Record<string, Price>> = {
  small: priceIn('hindcast@1/simulated/small', { input: 0.1, output: 0.4 }),
  large: priceIn('hindcast@1/simulated/large', { input: 2, output: 8 }),
};

/** `overrides` are by `provider/model`, in USD per million tokens. Their Price.id is `config/provider/model`: the record's config hash is its version. */
export function priceBook(overrides: Readonly<Record<string, PriceOverride>>): PriceOf {
  const own = new Map(Object.entries(overrides).map(([name, override]) => [name, priceIn(`config/${name}`, override)]));
  const listings = new Map<string, Listing>();
  return (provider, model, at) => {
    const name = `${provider}/${model}`;
    if (provider === '' || name.length > nameLengthMax) return undefined;
    const known = own.get(name) ?? listings.get(name);
    if (known) return typeof known === 'function' ? known(at) : known;
    const listing = provider === 'simulated' ? simulated(model) : listed(provider, model, at);
    if (listings.size >= listingsMax) listings.delete(listings.keys().next().value!);
    listings.set(name, listing);
    return listing(at);
  };
}

type Listing = (at: Instant) => Price | undefined;

/** `small:tps=20` costs what `small` costs: what follows the colon is how it shall behave. */
function simulated(model: string): Listing {
  const [name = ''] = model.split(':', 1);
  const price = Object.hasOwn(simulatedPrices, name) ? simulatedPrices[name] : undefined;
  return () => price;
}

/** Looks a model up once. A price that depends on the date or the hour is chosen anew at each call, from that one model. */
function listed(providerId: string, model: string, at: Instant): Listing {
  const found = calcPrice({}, model, { providerId, timestamp: new Date(at) });
  if (!found) return () => undefined;
  if (!Array.isArray(found.model.prices)) {
    const price = priceFrom(found);
    return () => price;
  }
  const provider = { ...found.provider, models: [found.model] };
  return instant => {
    const chosen = calcPrice({}, model, { provider, timestamp: new Date(instant) });
    return chosen ? priceFrom(chosen) : undefined;
  };
}

/** Of a price in tiers the first tier is taken; fees per request and prices of audio, images and hour-long cache writes are left out. */
function priceFrom({ provider, model, model_price }: PriceCalculation): Price | undefined {
  const rate = (key: string): number | undefined => {
    const price = model_price[key];
    return typeof price === 'object' ? price.base : price;
  };
  const id = `${tableVersion}/${provider.id}/${model.id}`;
  const input = rate('input_mtok');
  // The table lists free models with no price at all, and also those of unknown price: only the name tells them apart.
  if (input === undefined) return model.id.endsWith(':free') ? priceIn(id, { input: 0, output: 0 }) : undefined;
  const cached = rate('cache_read_mtok');
  const cacheWrite = rate('cache_write_mtok');
  return priceIn(id, {
    input,
    // Embedding models have no output, and so no price of it.
    output: rate('output_mtok') ?? 0,
    ...(cached === undefined ? {} : { cached }),
    ...(cacheWrite === undefined ? {} : { cache_write: cacheWrite }),
  });
}

function priceIn(id: string, usd: PriceOverride): Price {
  return {
    id,
    input: nano(usd.input),
    output: nano(usd.output),
    ...(usd.cached === undefined ? {} : { cached: nano(usd.cached) }),
    ...(usd.cache_write === undefined ? {} : { cacheWrite: nano(usd.cache_write) }),
  };
}

function nano(usd: number): NanoUsd {
  return Math.round(usd * 1e9);
}
