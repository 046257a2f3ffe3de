/** Every model that a price is known of, for lists. */
import { findProvider } from '@pydantic/genai-prices';
import type { Price } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { PriceEntries } from '../settings/settings.ts';
import { overlay, overlayVersion } from './overlay/index.ts';
import { createPriceBook } from './price-book.ts';
import type { PriceFile } from './price-file.ts';
import { tableVersion } from './table-price.ts';

export interface KnownPrice {
  readonly provider: string;
  /** A beginning with `*` where the entry covers several models. */
  readonly model: string;
  readonly price: Price;
}

/** The prices at an instant of these providers, by their names in the price book, and of every entry; those without a valid row are left out. */
export function knownPrices(
  configured: PriceEntries,
  file: PriceFile | undefined,
  books: readonly string[],
  at: Instant,
): readonly KnownPrice[] {
  const book = createPriceBook(configured, file);
  const listed = books.flatMap(id => {
    const models = file?.providers?.find(provider => provider.id === id)?.models ?? findProvider({ providerId: id })?.models ?? [];
    return models.map(model => `${id}/${model.id}`);
  });
  const names = new Set([...Object.keys(configured), ...Object.keys(file?.entries ?? {}), ...Object.keys(overlay), ...listed]);
  return [...names].toSorted().flatMap(name => {
    const slash = name.indexOf('/');
    const [provider, model] = [name.slice(0, slash), name.slice(slash + 1)];
    const price = book(provider, model.replace(/\*$/, ''), at) ?? book(provider, model, at);
    return price ? [{ provider, model, price }] : [];
  });
}

/** What prices were counted by: the versions of overlay and table, and of the price file. */
export const priceVersion = (file: PriceFile | undefined): string =>
  [overlayVersion, tableVersion, ...(file ? [file.version] : [])].join('+');
