/** Prices of models: configured ones first, then those of a price file, then our overlay, then the table of @pydantic/genai-prices. */

import type { Price } from '../core/money/price.ts';
import { type PriceRow, priceAt } from '../core/money/price-schedule.ts';
import type { Instant } from '../core/shared/time.ts';
import type { PriceEntries } from '../settings/settings.ts';
import { overlay, overlayVersion } from './overlay/index.ts';
import { scheduleOf } from './price-entry.ts';
import type { PriceFile } from './price-file.ts';
import { resoldListing } from './resellers.ts';
import { createTable, type Listing, type Table } from './table-price.ts';

/**
 * The price in nano-dollars per million tokens. `provider` is `Provider.priceBook`, `model` the model that served, `at` the time of the request.
 * Undefined when the price is unknown; 0 when the model is known to be free.
 */
export type PriceOf = (provider: string, model: string, at: Instant) => Price | undefined;

const listingsMax = 1_000;
/** No model has a longer name. A longer one is a caller's input and is not cached. */
const nameLengthMax = 200;

/** `configured` and the entries of `file` are by `provider/model`. A configured Price.id is `config/provider/model`; the record's config hash is its version. */
export function createPriceBook(configured: PriceEntries, file?: PriceFile): PriceOf {
  const { version = '', providers } = file ?? {};
  const layers = [
    patternsIn(configured, name => `config/${name}`),
    ...(file ? [patternsIn(file.entries, name => `${version}/${name}`)] : []),
    builtIn,
  ];
  const table = createTable(providers && { version, providers });
  const listings = new Map<string, Listing>();
  return (provider, model, at) => {
    const name = `${provider}/${model}`;
    if (provider === '' || name.length > nameLengthMax) return undefined;
    const known = listings.get(name);
    if (known) return known(at);
    const listing = listingOf(layers, table, provider, model);
    if (listings.size >= listingsMax) listings.delete(listings.keys().next().value!);
    listings.set(name, listing);
    return listing(at);
  };
}

/** The first layer with a valid row. Rows without a price per token add their units to the table's price. */
function listingOf(layers: readonly Patterns[], table: Table, provider: string, model: string): Listing {
  const found = layers.map(layer => layer(provider, model)).filter(rows => rows !== undefined);
  const maker: Table = (name, itsModel) => {
    const rows = builtIn(name, itsModel);
    const listed = table(name, itsModel);
    return rows ? at => priceAt(rows, at) ?? listed(at) : listed;
  };
  const listed = resoldListing(provider, model, table, maker) ?? table(provider, model);
  if (found.length === 0) return listed;
  return at => {
    for (const rows of found) {
      const price = priceAt(rows, at);
      if (price) return price.unitsOnly ? withUnits(price, listed(at)) : price;
    }
    return listed(at);
  };
}

const withUnits = (own: Price, listed: Price | undefined): Price =>
  listed ? { ...listed, id: own.id, units: { ...listed.units, ...own.units } } : own;

/** The rows for a model: of its full name, else of the longest beginning with `*`. */
type Patterns = (provider: string, model: string) => readonly PriceRow[] | undefined;

function patternsIn(entries: PriceEntries, idOf: (name: string) => string): Patterns {
  const names = Object.keys(entries);
  const exact = new Set(names.filter(name => !name.endsWith('*')));
  const beginnings = names.filter(name => name.endsWith('*')).toSorted((one, other) => other.length - one.length);
  return (provider, model) => {
    const name = `${provider}/${provider === 'simulated' ? model.split(':', 1)[0] : model}`;
    const found = exact.has(name) ? name : beginnings.find(beginning => name.startsWith(beginning.slice(0, -1)));
    return found === undefined ? undefined : scheduleOf(idOf(found), entries[found]!);
  };
}

const builtIn = patternsIn(overlay, name => `${overlayVersion}/${name}`);
