/** Prices that change: by date, and by the hour of a week in a time zone. */
import type { Instant } from '../shared/time.ts';
import { type Price, scalePrice } from './price.ts';

/** Days of the week as configurations name them, Monday first. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** Hours of the week with another price. */
export interface PriceHours {
  /** The days on which the span begins. */
  readonly days: readonly Weekday[];
  /** Local minutes since midnight: from, inclusive, until, exclusive. A span with `until` at or before `from` ends on the next day. */
  readonly fromMinute: number;
  readonly untilMinute: number;
  /** An IANA time zone. */
  readonly zone: string;
  /** Local dates, as `2026-10-01`, both inclusive, on which the span does not begin. */
  readonly except: readonly (readonly [first: string, last: string])[];
  /** A share of the row's price, or another price. */
  readonly price: number | Price;
}

/** A price that is valid from an instant, inclusive, until another, exclusive. */
export interface PriceRow {
  readonly from?: Instant;
  readonly until?: Instant;
  readonly price: Price;
  readonly hours?: readonly PriceHours[];
}

/** The price at an instant; of several valid rows the one that began last, and of equal ones the later in the list. Undefined when no row is valid. */
export function priceAt(rows: readonly PriceRow[], at: Instant): Price | undefined {
  let valid: PriceRow | undefined;
  for (const row of rows) {
    if (at < (row.from ?? Number.NEGATIVE_INFINITY) || at >= (row.until ?? Number.POSITIVE_INFINITY)) continue;
    if (!valid || (row.from ?? Number.NEGATIVE_INFINITY) >= (valid.from ?? Number.NEGATIVE_INFINITY)) valid = row;
  }
  if (!valid) return undefined;
  const span = valid.hours?.find(hours => isWithin(hours, at));
  if (!span) return valid.price;
  return typeof span.price === 'number' ? scalePrice(valid.price, span.price, spanName(span)) : span.price;
}

const spanName = ({ fromMinute, untilMinute }: PriceHours): string => `${clockText(fromMinute)}-${clockText(untilMinute)}`;
const clockText = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

const dayMs = 86_400_000;

function isWithin(hours: PriceHours, at: Instant): boolean {
  const { fromMinute, untilMinute, zone } = hours;
  const now = localTime(at, zone);
  if (untilMinute > fromMinute) return now.minute >= fromMinute && now.minute < untilMinute && beginsOn(hours, now);
  return (now.minute >= fromMinute && beginsOn(hours, now)) || (now.minute < untilMinute && beginsOn(hours, localTime(at - dayMs, zone)));
}

const beginsOn = ({ days, except }: PriceHours, { day, date }: LocalTime): boolean =>
  days.includes(day) && !except.some(([first, last]) => date >= first && date <= last);

interface LocalTime {
  readonly day: Weekday;
  readonly minute: number;
  readonly date: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(at: Instant, zone: string): LocalTime {
  const format = formats.get(zone) ?? formatOf(zone);
  formats.set(zone, format);
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: parts.weekday!.toLowerCase() as Weekday,
    minute: Number(parts.hour) * 60 + Number(parts.minute),
    date: `${parts.year}-${parts.month}-${parts.day}`,
  };
}

const formatOf = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });

/** Whether the runtime knows a time zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}
