/** Formats numbers with their units; `–` where there is none. */
import type { Estimate } from '../../../statistics/index.ts';
import type { Dropped } from '../../outcomes/outcomes.ts';

type Format = (value: number) => string;

/** Stands where there is no number. */
export const none = '–';
const fixed = (value: number, digits: number): string =>
  (Object.is(Math.abs(value), 0) || Math.abs(value) < 0.5 / 10 ** digits ? 0 : value).toFixed(digits);

/** A share as a percentage with one decimal. */
export const percent: Format = value => `${fixed(value * 100, 1)} %`;
/** Percentage points, always with their sign. */
export const points: Format = value => `${signed(value * 100, 1)} pp`;
/** A relative change, always with its sign. */
export const change: Format = value => `${signed(value * 100, 1)} %`;

/** USD with two decimals from one dollar on, else with three significant digits. */
export const dollars: Format = value => {
  const size = Math.abs(value);
  return `${value < 0 ? '-' : ''}$${size >= 1 || size === 0 ? size.toFixed(2) : Number(size.toPrecision(3))}`;
};

/** Milliseconds, as seconds from 10 s on. */
export const milliseconds: Format = value => (Math.abs(value) < 9_999.5 ? `${Math.round(value)} ms` : `${fixed(value / 1000, 1)} s`);

/** A difference, always with its sign. */
export const difference =
  (format: Format): Format =>
  value =>
    `${value > 0 ? '+' : ''}${format(value)}`;

function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return Number(text) > 0 ? `+${text}` : text;
}

/** `47.3 % [44.9, 49.8]`: the bounds in the value's unit, without it. */
export function withInterval(estimate: Estimate | null | undefined, format: Format): string {
  if (!estimate || Number.isNaN(estimate.value)) return none;
  return `${format(estimate.value)} ${interval(estimate, format)}`;
}

/** The bounds of an estimate in brackets; an open side is shown as ∞. */
export function interval({ low, high }: Estimate, format: Format): string {
  const bare = (value: number): string =>
    Number.isFinite(value)
      ? format(value)
          .replace('$', '')
          .replace(/ (%|pp|ms|s)$/, '')
      : value > 0
        ? '∞'
        : '-∞';
  return `[${bare(low)}, ${bare(high)}]`;
}

/** A number with its noun, in the singular for 1. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Why answers may lack a signal, and what gives them one. */
export const signalRemedy = (target: string): string =>
  `Signals are recorded where a route asks for them: give the step of ${target} accept: { confidence: 0.7 }, or replay it: hindcast replay run --against ${target} (without --only-missing, which takes recorded answers as they are).`;

/** How many requests were left out, why, and what would mend it. */
export const droppedText = ({ count: n, why, mend }: Dropped): string =>
  `${count(n, 'request')} left out: ${why}${mend ? `  (${mend})` : ''}`;
