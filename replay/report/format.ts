/** Formats numbers for the terminal, Markdown and HTML. */
import { type NanoUsd, usd } from '../../gateway/core/money/price.ts';
import type { Estimate } from '../../statistics/index.ts';
import type { Metric } from '../comparison/totals.ts';

/** US dollars. Amounts below a dollar keep three significant digits, because a call may cost less than 0.01 cents. */
export function money(nano: NanoUsd): string {
  const dollars = Math.abs(usd(nano));
  const sign = nano < 0 ? '-' : '';
  if (dollars === 0 || dollars >= 1) return `${sign}$${dollars.toFixed(2)}`;
  return `${sign}$${dollars.toFixed(Math.min(9, 2 - Math.floor(Math.log10(dollars))))}`;
}

/** Milliseconds with their unit. */
export const ms = (value: number): string => (Math.abs(value) < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);

/** A number with its sign; none for 0. */
export const signed = (value: number): string => (value > 0 ? `+${value}` : `${value}`);

/** A part of a whole as a percentage; `–` for a whole of 0. */
export const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

/** The relative change as a signed percentage; `–` from 0. */
export const change = (from: number, to: number): string =>
  from === 0 ? '–' : `${to >= from ? '+' : ''}${(100 * (to / from - 1)).toFixed(1)} %`;

/** The value with its unit: USD, tokens, milliseconds or percent. */
export function inUnit(value: number, unit: Metric['unit']): string {
  switch (unit) {
    case 'usd':
      return money(value * 1e9);
    case 'tokens':
      return value.toFixed(1);
    case 'ms':
      return ms(value);
    case 'share':
      return `${(100 * value).toFixed(1)} %`;
  }
}

/** A difference with sign and unit. */
export const signedIn = (value: number, unit: Metric['unit']): string => `${value > 0 ? '+' : ''}${inUnit(value, unit)}`;

/** `+1.2 [0.9, 1.5]`, with units and a sign. */
export function withInterval({ value, low, high }: Estimate, unit: Metric['unit']): string {
  const bound = (end: number): string => (Number.isFinite(end) ? inUnit(end, unit) : end > 0 ? '∞' : '-∞');
  return `${signedIn(value, unit)} [${bound(low)}, ${bound(high)}]`;
}
