/** A short way to write rows of plain prices. */
import type { PriceEntries, PriceEntry } from '../../settings/settings.ts';

/** USD per million tokens; the cached price is that of input where it is absent. */
export type PlainRow = readonly [input: number, output: number, cached?: number | undefined, cacheWrite?: number];

/** The price entry of a short row: input, output, cached and cache-write prices in USD per million tokens. */
export const entryOf = ([input, output, cached, cacheWrite]: PlainRow): PriceEntry => ({
  input,
  output,
  ...(cached === undefined ? {} : { cached }),
  ...(cacheWrite === undefined ? {} : { cache_write: cacheWrite }),
});

/** Entries by `provider/model` of plain rows by model. */
export const plainRows = (provider: string, rows: Readonly<Record<string, PlainRow>>): PriceEntries =>
  Object.fromEntries(Object.entries(rows).map(([model, row]) => [`${provider}/${model}`, entryOf(row)]));
