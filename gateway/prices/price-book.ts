/** Prices of models per token: configured prices first, then those of `simulated`, then the table of @pydantic/genai-prices. */
import { calcPrice, type PriceCalculation } from '@pydantic/genai-prices';
import type { NanoUsd, Price, Rates } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { PriceOverride } from '../settings/settings.ts';
import { tierShares } from './service-tiers.ts';

/**
 * The price in nano-dollars per million tokens. `provider` is `Provider.priceBook`, `model` the model that served, `at` the time of the request.
 * Undefined when the price is unknown; 0 when the model is known to be free.
 */
export type PriceOf = (provider: string, model: string, at: Instant) => Price | undefined;

export const tableVersion = 'genai-prices@0.1.8';
const listingsMax = 1_000;
/** No model has a longer name. A longer one is a caller's input and is not cached. */
const nameLengthMax = 200;

const simulatedPrices: Readonly<Record<string, Price>> = {
  small: priceIn('hindcast@1/simulated/small', { input: 0.1, output: 0.4 }),
  large: priceIn('hindcast@1/simulated/large', { input: 2, output: 8 }),
};

/** `overrides` are by `provider/model`, in USD per million tokens. Their Price.id is `config/provider/model`; the record's config hash is their version. */
export function createPriceBook(overrides: Readonly<Record<string, PriceOverride>>): PriceOf {
  const own = new Map(Object.entries(overrides).map(([name, override]) => [name, priceIn(`config/${name}`, override)]));
  const listings = new Map<string, Listing>();
  return (provider, model, at) => {
    const name = `${provider}/${model}`;
    if (provider === '' || name.length > nameLengthMax) return undefined;
    const known = own.get(name) ?? listings.get(name);
    if (known) return typeof known === 'function' ? known(at) : known;
    const listing =
      provider === 'simulated'
        ? simulatedPrice(model)
        : provider === 'openrouter'
          ? resoldPrice(model, at)
          : listedPrice(provider, model, at);
    if (listings.size >= listingsMax) listings.delete(listings.keys().next().value!);
    listings.set(name, listing);
    return listing(at);
  };
}

type Listing = (at: Instant) => Price | undefined;

/** `small:tps=20` costs as much as `small`: the colon starts the simulated behaviour. */
function simulatedPrice(model: string): Listing {
  const [name = ''] = model.split(':', 1);
  const price = Object.hasOwn(simulatedPrices, name) ? simulatedPrices[name] : undefined;
  return () => price;
}

/** The table's provider names by OpenRouter's prefixes. */
const makers: Readonly<Record<string, string>> = {
  anthropic: 'anthropic',
  deepseek: 'deepseek',
  google: 'google',
  mistralai: 'mistral',
  moonshotai: 'moonshotai',
  openai: 'openai',
  'x-ai': 'x-ai',
  'z-ai': 'zai',
};

/** OpenRouter's price; where the table has none, the maker's price, because OpenRouter adds no margin. */
function resoldPrice(model: string, at: Instant): Listing {
  if (model.endsWith(':free')) return () => priceIn(`${tableVersion}/openrouter/${model}`, { input: 0, output: 0 });
  const own = listedPrice('openrouter', model, at);
  const [maker = '', name = ''] = model.split('/', 2);
  const book = Object.hasOwn(makers, maker) ? makers[maker] : undefined;
  if (book === undefined || name === '') return own;
  const ofMaker = listedPrice(book, name, at);
  return instant => {
    const price = own(instant);
    const makerPrice = ofMaker(instant);
    if (!price || !makerPrice) return price ?? makerPrice;
    // The table has few of the reseller's cache discounts. Where the other prices are equal, the maker's discounts apply.
    const isSame = price.input === makerPrice.input && price.output === makerPrice.output;
    return isSame ? { ...makerPrice, ...price } : price;
  };
}

/** Looks a model up once. A price that depends on the date or the hour is chosen at each call. */
function listedPrice(providerId: string, model: string, at: Instant): Listing {
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

const tableFields = {
  input: 'input_mtok',
  output: 'output_mtok',
  cached: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWriteHour: 'cache_write_1h_mtok',
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
} as const;

/** Fees per request and per image are left out. */
function priceFrom({ provider, model, model_price }: PriceCalculation): Price | undefined {
  const id = `${tableVersion}/${provider.id}/${model.id}`;
  const starts = Object.values(tableFields).flatMap(key => {
    const price = model_price[key];
    return typeof price === 'object' ? price.tiers.map(({ start }) => start) : [];
  });
  const ratesAbove = (above: number): Rates | undefined => {
    const given = Object.entries(tableFields).flatMap(([name, key]) => {
      const price = model_price[key];
      const usd = typeof price === 'object' ? (price.tiers.findLast(({ start }) => start <= above)?.price ?? price.base) : price;
      return usd === undefined ? [] : [[name, nano(usd)] as const];
    });
    // Embedding models have no output price.
    const rates: Partial<Rates> = { output: 0, ...Object.fromEntries(given) };
    return rates.input === undefined ? undefined : (rates as Rates);
  };
  const rates = ratesAbove(-1);
  // The table lists free models without a price, and also those of unknown price. Only the name tells them apart.
  if (!rates) return model.id.endsWith(':free') ? priceIn(id, { input: 0, output: 0 }) : undefined;
  const tiers = [...new Set(starts)].toSorted((one, other) => one - other).map(above => ({ ...ratesAbove(above)!, above }));
  const serviceTiers = tierShares(provider.id, model.id);
  return { id, ...rates, ...(tiers.length > 0 ? { tiers } : {}), ...(serviceTiers ? { serviceTiers } : {}) };
}

function priceIn(id: string, usd: PriceOverride): Price {
  return {
    id,
    input: nano(usd.input),
    output: nano(usd.output),
    ...(usd.cached === undefined ? {} : { cached: nano(usd.cached) }),
    ...(usd.cache_write === undefined ? {} : { cacheWrite: nano(usd.cache_write) }),
    ...(usd.cache_write_1h === undefined ? {} : { cacheWriteHour: nano(usd.cache_write_1h) }),
    ...(usd.service_tiers === undefined ? {} : { serviceTiers: usd.service_tiers }),
  };
}

function nano(usd: number): NanoUsd {
  return Math.round(usd * 1e9);
}
