/** Sums of a span and of the one before it; what the month is likely to cost. Pure. */
import type { AnswerOf } from '../api/client.ts';

export type UsageRow = AnswerOf<'getUsage'>['data'][number];

export interface Span {
  readonly name: string;
  readonly since: string;
  readonly ms: number;
  readonly bucket: 'minute' | 'hour' | 'day';
  readonly bucketMs: number;
}

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

export const spans: Readonly<Record<string, Span>> = {
  '1h': { name: '1 hour', since: '1h', ms: hourMs, bucket: 'minute', bucketMs: minuteMs },
  '24h': { name: '24 hours', since: '24h', ms: dayMs, bucket: 'hour', bucketMs: hourMs },
  '7d': { name: '7 days', since: '7d', ms: 7 * dayMs, bucket: 'hour', bucketMs: hourMs },
  '30d': { name: '30 days', since: '30d', ms: 30 * dayMs, bucket: 'day', bucketMs: dayMs },
};

export const dimensions = ['model', 'provider', 'route', 'tenant', 'project', 'key', 'outcome'] as const;
export type Dimension = (typeof dimensions)[number];

/** By how much more, as a share; undefined when there was nothing before. */
export const change = (now: number, before: number): number | undefined => (before === 0 ? undefined : now / before - 1);

/** A value for every bucket from `from` to `to`, in milliseconds; buckets without a row have zero, or null where zero would lie. */
export function series(
  rows: readonly UsageRow[],
  from: number,
  to: number,
  bucketMs: number,
  figure: (row: UsageRow) => number | null,
  none: number | null,
): { readonly at: number[]; readonly values: (number | null)[] } {
  const byTime = new Map(rows.map(row => [Date.parse(row.at), row]));
  const first = Math.floor(from / bucketMs) * bucketMs;
  const at = Array.from({ length: Math.max(1, Math.ceil((to - first) / bucketMs)) }, (_, i) => first + i * bucketMs);
  return { at, values: at.map(time => (byTime.has(time) ? figure(byTime.get(time)!) : none)) };
}

/** What a month will have cost when it goes on as in the last seven days. USD. */
export function forecast(days: readonly UsageRow[], now: number): { readonly spent: number; readonly expected: number } {
  const date = new Date(now);
  const begin = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  const cost = (rows: readonly UsageRow[]): number => rows.reduce((sum, row) => sum + row.cost_usd, 0);
  const spent = cost(days.filter(({ at }) => Date.parse(at) >= begin));
  const recent = days.filter(({ at }) => Date.parse(at) >= now - 7 * dayMs);
  const first = Math.min(...recent.map(({ at }) => Date.parse(at)), now);
  const perDay = recent.length === 0 ? 0 : cost(recent) / Math.max(1, (now - first) / dayMs);
  return { spent, expected: spent + (perDay * (end - now)) / dayMs };
}
