/** Requests, cost and latency over time, each with the span before. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { mayActAs, query, session } from '../api/queries.ts';
import { Loaded } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { type Line, TimeChart } from '../parts/time-chart.tsx';
import { count, duration, usd } from '../text/format.ts';
import { type Span, series, type UsageRow } from './figures.ts';

interface ChartsProps {
  readonly span: Span;
  readonly now: number;
}

const rounded = (ms: number): string => new Date(Math.floor(ms / 60_000) * 60_000).toISOString();

/** Four charts. */
export function Charts({ span, now }: ChartsProps) {
  const usage = useQuery(query('getUsage', { query: { since: rounded(now - 2 * span.ms), bucket: span.bucket, limit: 1_000 } }));
  const marks = useChanges(span);
  return <Loaded query={usage}>{({ data }) => <Drawn rows={data} span={span} now={now} marks={marks} />}</Loaded>;
}

/** When the configuration was changed here; known to admins. */
function useChanges(span: Span): readonly number[] {
  const { data: who } = useQuery(session);
  const isAdmin = mayActAs(who?.role ?? 'viewer', 'admin');
  const written = useQuery({ ...query('listAudit', { query: { since: span.since, action: 'config-written' } }), enabled: isAdmin });
  const thresholds = useQuery({ ...query('listAudit', { query: { since: span.since, action: 'thresholds-written' } }), enabled: isAdmin });
  return useMemo(
    () => [...(written.data?.data ?? []), ...(thresholds.data?.data ?? [])].map(({ at }) => Date.parse(at)),
    [written.data, thresholds.data],
  );
}

interface Wanted {
  readonly name: string;
  readonly color: string;
  readonly none: number | null;
  readonly isFilled?: boolean;
  readonly hasPast?: boolean;
  of(row: UsageRow): number | null;
}

interface ChartSpec {
  readonly title: string;
  readonly lines: readonly Wanted[];
  format(value: number): string;
}

const specs: readonly ChartSpec[] = [
  {
    title: 'Requests',
    format: value => count(Math.round(value)),
    lines: [
      { name: 'all', color: '--series-1', none: 0, isFilled: true, hasPast: true, of: ({ requests }) => requests },
      { name: 'not ok', color: '--bad', none: 0, of: ({ errors }) => errors },
      { name: 'escalated', color: '--series-4', none: 0, of: ({ escalations }) => escalations },
    ],
  },
  {
    title: 'Cost',
    format: usd,
    lines: [{ name: 'cost', color: '--series-2', none: 0, isFilled: true, hasPast: true, of: ({ cost_usd }) => cost_usd }],
  },
  {
    title: 'Latency',
    format: duration,
    lines: [
      { name: 'p50', color: '--series-1', none: null, hasPast: true, of: ({ latency_ms }) => latency_ms.p50 },
      { name: 'p95', color: '--series-3', none: null, of: ({ latency_ms }) => latency_ms.p95 },
      { name: 'p99', color: '--series-4', none: null, of: ({ latency_ms }) => latency_ms.p99 },
    ],
  },
  {
    title: 'First token',
    format: duration,
    lines: [
      { name: 'p50', color: '--series-1', none: null, hasPast: true, of: ({ ttft_ms }) => ttft_ms.p50 },
      { name: 'p95', color: '--series-3', none: null, of: ({ ttft_ms }) => ttft_ms.p95 },
    ],
  },
];

function Drawn({ rows, span, now, marks }: ChartsProps & { readonly rows: readonly UsageRow[]; readonly marks: readonly number[] }) {
  const charts = useMemo(() => specs.map(spec => ({ spec, ...linesOf(spec, rows, span, now) })), [rows, span, now]);
  return (
    <div className="charts">
      {charts.map(({ spec, at, lines }) => (
        <Panel key={spec.title} title={spec.title}>
          <TimeChart label={`${spec.title} over ${span.name}`} at={at} lines={lines} marks={marks} format={spec.format} />
        </Panel>
      ))}
    </div>
  );
}

function linesOf(
  { lines }: ChartSpec,
  rows: readonly UsageRow[],
  { ms, bucketMs }: Span,
  now: number,
): { readonly at: readonly number[]; readonly lines: readonly Line[] } {
  const { at } = series(rows, now - ms, now, bucketMs, () => 0, 0);
  const drawn = lines.flatMap(({ name, color, none, isFilled = false, hasPast = false, of }): readonly Line[] => {
    const past = series(rows, now - 2 * ms, now - ms, bucketMs, of, none).values.slice(0, at.length);
    const isKnown = hasPast && past.some(value => value !== null && value !== 0);
    return [
      { name, color, isFilled, values: series(rows, now - ms, now, bucketMs, of, none).values },
      ...(isKnown ? [{ name: `${name} before`, color: '--series-5', isDashed: true, values: at.map((_, i) => past[i] ?? none) }] : []),
    ];
  });
  return { at, lines: drawn };
}
