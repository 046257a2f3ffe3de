/** Price entries as the configuration, the overlay and price files write them, made into schedules. Amounts are USD there, nano-dollars here. */
import type { Price, Rates, UnitPrices } from '../core/money/price.ts';
import { type PriceHours, type PriceRow, type Weekday, weekdays } from '../core/money/price-schedule.ts';
import type { PriceEntry, PriceHoursEntry, RatesEntry } from '../settings/settings.ts';

/** The schedule of an entry. Each row's price is named `name`, with its beginning where it has one. */
export function scheduleOf(name: string, entry: PriceEntry | readonly PriceEntry[]): readonly PriceRow[] {
  const rows: readonly PriceEntry[] = Array.isArray(entry) ? entry : [entry as PriceEntry];
  return rows.map(row => ({
    ...(row.from === undefined ? {} : { from: Date.parse(row.from) }),
    ...(row.until === undefined ? {} : { until: Date.parse(row.until) }),
    price: priceOfEntry(row.from === undefined ? name : `${name}@${row.from}`, row),
    ...(row.hours ? { hours: row.hours.map(hours => hoursOf(name, hours)) } : {}),
  }));
}

/** The price of one entry, in nano-dollars per token, with its tiers. `id` says where the entry stands. */
export function priceOfEntry(id: string, entry: PriceEntry): Price {
  const units = unitsOf(entry);
  const { tiers, batch, service_tiers: serviceTiers } = entry;
  return {
    id,
    ...ratesOf({ input: 0, output: 0, ...entry }),
    ...(tiers
      ? { tiers: tiers.map(tier => ({ ...ratesOf(tier), above: tier.above })).toSorted((one, other) => one.above - other.above) }
      : {}),
    ...(serviceTiers === undefined ? {} : { serviceTiers }),
    ...(units ? { units } : {}),
    ...(entry.input === undefined ? { unitsOnly: true as const } : {}),
    ...(batch === undefined ? {} : { batch: typeof batch === 'number' ? batch : ratesOf(batch) }),
  };
}

const rateKeys = {
  input: 'input',
  output: 'output',
  cached: 'cached',
  cache_write: 'cacheWrite',
  cache_write_1h: 'cacheWriteHour',
  audio_input: 'audioInput',
  audio_output: 'audioOutput',
  audio_cached: 'audioCached',
  image_input: 'imageInput',
  image_output: 'imageOutput',
  reasoning: 'reasoning',
} as const satisfies Record<keyof RatesEntry, keyof Rates>;

function ratesOf(entry: RatesEntry): Rates {
  const given = Object.entries(rateKeys).flatMap(([key, rate]) => {
    const usd = entry[key as keyof RatesEntry];
    return usd === undefined ? [] : [[rate, Math.round(usd * 1e9)] as const];
  });
  return Object.fromEntries(given) as unknown as Rates;
}

function unitsOf({ per_request: request, per_search: search, per_character: character, per_second: second, per_image: image }: PriceEntry) {
  const nano = (usd: number | undefined): number | undefined => (usd === undefined ? undefined : usd * 1e9);
  const images = image && Object.fromEntries(Object.entries(image).map(([size, usd]) => [size, usd * 1e9]));
  const all = { request: nano(request), search: nano(search), character: nano(character), second: nano(second), image: images };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return given.length > 0 ? (Object.fromEntries(given) as UnitPrices) : undefined;
}

function hoursOf(name: string, { days = weekdays, from, to, tz = 'UTC', except = [], share, price }: PriceHoursEntry): PriceHours {
  return {
    days: days as readonly Weekday[],
    fromMinute: minuteOf(from),
    untilMinute: minuteOf(to),
    zone: tz,
    except: except.map(dates => {
      const [first = '', last = first] = dates.split('..');
      return [first, last] as const;
    }),
    price: share ?? priceOfEntry(`${name}+${from}-${to}`, price!),
  };
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
