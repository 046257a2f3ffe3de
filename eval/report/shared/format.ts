/** Numbers as people read them, with their units; `–` where there is none. */
import type { Estimate } from '../../../statistics/index.ts';
import type { Dropped } from '../../outcomes/outcomes.ts';

type Format = (value: number) => string;

export const none = '–';
const fixed = (value: number, digits: number): string =>
  (Object.is(Math.abs(value), 0) || Math.abs(value) < 0.5 / 10 ** digits ? 0 : value).toFixed(digits);

export const percent: Format = value => `${fixed(value * 100, 1)} %`;
/** Percentage points, always with their sign. */
export const points: Format = value => `${signed(value * 100, 1)} pp`;
/** A relative change, always with its sign. */
export const change: Format = value => `${signed(value * 100, 1)} %`;
export const dollars: Format = value => {
  const size = Math.abs(value);
  return `${value < 0 ? '-' : ''}$${size >= 1 || size === 0 ? size.toFixed(2) : Number(size.toPrecision(3))}`;
};
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

export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Why answers may lack a signal, and what gives them one. */
export const signalRemedy = (target: string): string =>
  `Signals are recorded where a route asks for them: give the step of ${target} accept: { confidence: 0.7 }, or replay it: hindcast replay run --against ${target} (without --only-missing, which takes recorded answers as they are).`;

export const droppedText = ({ count: n, why, mend }: Dropped): string =>
  `${count(n, 'request')} left out: ${why}${mend ? `  (${mend})` : ''}`;
