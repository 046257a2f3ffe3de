/** Prices of the table of @pydantic/genai-prices, or of a newer one in the same form. */
import { calcPrice, type PriceCalculation, type Provider } from '@pydantic/genai-prices';
import type { NanoUsd, Price, Rates, UnitPrices } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import { tierShares } from './service-tiers.ts';

export const tableVersion = 'genai-prices@0.1.8';

/** A model's price over time. */
export type Listing = (at: Instant) => Price | undefined;

/** A table of prices: the listing of a provider's model. */
export type Table = (provider: string, model: string) => Listing;

/** The table of these providers under this version, else of the package's. */
export function createTable(own?: { readonly version: string; readonly providers: readonly Provider[] }): Table {
  const byId = own && new Map(own.providers.map(provider => [provider.id, provider]));
  return (providerId, model) => {
    const provider = byId?.get(providerId);
    if (!provider || !own) return listingIn({ providerId }, tableVersion, model);
    return listingIn({ provider }, own.version, model);
  };
}

type Place = { readonly providerId: string } | { readonly provider: Provider };

/** Looks a model up once. A price that depends on the date or the hour is chosen at each call. */
function listingIn(place: Place, version: string, model: string): Listing {
  const found = calcPrice({}, model, place);
  if (!found) return () => undefined;
  if (!Array.isArray(found.model.prices)) {
    const price = priceFrom(found, version);
    return () => price;
  }
  const provider = { ...found.provider, models: [found.model] };
  return at => {
    const chosen = calcPrice({}, model, { provider, timestamp: new Date(at) });
    return chosen ? priceFrom(chosen, version) : undefined;
  };
}

const rateFields = {
  input: 'input_mtok',
  output: 'output_mtok',
  cached: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWriteHour: 'cache_write_1h_mtok',
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
  audioCached: 'cache_audio_read_mtok',
  imageInput: 'input_image_mtok',
  imageOutput: 'output_image_mtok',
  reasoning: 'output_reasoning_mtok',
} as const satisfies Record<keyof Rates, string>;

type ModelPrice = PriceCalculation['model_price'];

function priceFrom({ provider, model, model_price }: PriceCalculation, version: string): Price | undefined {
  const id = `${version}/${provider.id}/${model.id}`;
  const starts = Object.values(rateFields).flatMap(key => {
    const price = model_price[key];
    return typeof price === 'object' ? price.tiers.map(({ start }) => start) : [];
  });
  const ratesAbove = (above: number): Rates | undefined => {
    const given = Object.entries(rateFields).flatMap(([name, key]) => {
      const price = model_price[key];
      const usd = typeof price === 'object' ? (price.tiers.findLast(({ start }) => start <= above)?.price ?? price.base) : price;
      return usd === undefined ? [] : [[name, nano(usd)] as const];
    });
    // Embedding models have no output price.
    const rates: Partial<Rates> = { output: 0, ...Object.fromEntries(given) };
    return rates.input === undefined ? undefined : (rates as Rates);
  };
  const rates = ratesAbove(-1);
  const units = unitsFrom(model_price);
  // The table lists free models without a price, and also those of unknown price. Only the name tells them apart.
  if (!rates) {
    if (model.id.endsWith(':free')) return freePrice(id);
    return units ? { id, input: 0, output: 0, units, unitsOnly: true } : undefined;
  }
  const tiers = [...new Set(starts)].toSorted((one, other) => one - other).map(above => ({ ...ratesAbove(above)!, above }));
  const serviceTiers = tierShares(provider.id, model.id);
  return {
    id,
    ...rates,
    ...(tiers.length > 0 ? { tiers } : {}),
    ...(serviceTiers ? { serviceTiers } : {}),
    ...(units ? { units } : {}),
  };
}

function unitsFrom(price: ModelPrice): UnitPrices | undefined {
  const plain = (key: string): number | undefined => {
    const value = price[key];
    return typeof value === 'number' ? value : undefined;
  };
  const hour = plain('input_audio_hours') ?? plain('audio_hours');
  const thousandSearches = plain('web_searches_kcount') ?? plain('rerank_searches_kcount');
  const thousandRequests = plain('requests_kcount');
  const units = {
    ...(hour === undefined ? {} : { second: (hour * 1e9) / 3600 }),
    ...(thousandSearches === undefined ? {} : { search: thousandSearches * 1e6 }),
    ...(thousandRequests === undefined ? {} : { request: thousandRequests * 1e6 }),
  };
  return Object.keys(units).length > 0 ? units : undefined;
}

/** A price of zero for every kind of token. */
export const freePrice = (id: string): Price => ({ id, input: 0, output: 0 });

function nano(usd: number): NanoUsd {
  return Math.round(usd * 1e9);
}
