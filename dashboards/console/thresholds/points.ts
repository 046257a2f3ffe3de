/** The frontier as points to draw and to choose from. Pure. */
import type { AnswerOf } from '../api/client.ts';

export type Frontier = NonNullable<AnswerOf<'getFrontier'>['frontier']>;
export type Row = Frontier['rows'][number];
export type Point = Pick<Row, 'accept' | 'cost_per_1k' | 'quality' | 'harm' | 'latency_ms' | 'ttft_ms'>;

/** The values a tier's threshold takes, the smallest first. */
export const tierValues = ({ rows }: Pick<Frontier, 'rows'>, tier: number): readonly number[] =>
  [...new Set(rows.map(({ thresholds }) => thresholds[tier]).filter(value => value !== undefined))].toSorted((a, b) => a - b);

/** The row whose thresholds lie nearest; undefined without rows. */
export function nearest(rows: readonly Row[], thresholds: readonly number[]): Row | undefined {
  const distance = (row: Row): number => row.thresholds.reduce((sum, value, i) => sum + Math.abs(value - (thresholds[i] ?? value)), 0);
  return rows.reduce<Row | undefined>((best, row) => (best === undefined || distance(row) < distance(best) ? row : best), undefined);
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** Round ticks that hold all values, with some room. */
export function scaleOf(values: readonly number[], least?: number, most?: number): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(size => size >= rough)!;
  const from = Math.max(least ?? Number.NEGATIVE_INFINITY, Math.floor((low - span * 0.03) / step) * step);
  const to = Math.min(most ?? Number.POSITIVE_INFINITY, Math.ceil((high + span * 0.03) / step) * step);
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toPrecision(12)));
  return { from, to, ticks: ticks.filter(tick => tick <= to + step * 1e-6) };
}

/** What can be drawn of a point: cost and quality, each with its interval. */
export interface Drawn {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Undefined when its cost or its quality is not known. */
export function drawn({ cost_per_1k, quality }: Pick<Point, 'cost_per_1k' | 'quality'>): Drawn | undefined {
  if (cost_per_1k.value === null || quality.value === null) return undefined;
  return { x: cost_per_1k.value, y: quality.value, low: quality.low ?? quality.value, high: quality.high ?? quality.value };
}
