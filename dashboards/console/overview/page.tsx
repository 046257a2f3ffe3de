/** Overview: what was asked, how well it was answered, what it cost, and what it will cost. */
import './overview.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { query } from '../api/queries.ts';
import { Segments } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { type Figure, PageHead, Strip } from '../parts/panel.tsx';
import { count, duration, percent, usd } from '../text/format.ts';
import { Breakdown } from './breakdown.tsx';
import { Burn } from './burn.tsx';
import { Charts } from './charts.tsx';
import { Dearest } from './dearest.tsx';
import { change, forecast, type Span, spans, type UsageRow } from './figures.ts';

const here = getRouteApi('/overview');

/** Figures of the span that the address names; 24 hours at first. */
export function OverviewPage() {
  const search = here.useSearch();
  const navigate = here.useNavigate();
  const span = spans[search.since ?? '24h'] ?? spans['24h']!;
  // One moment for all figures of the page.
  const [now] = useState(() => Date.now());
  return (
    <div className="content">
      <PageHead title="Overview and spend" sub="beside the span before">
        <Segments
          label="Time"
          values={Object.values(spans).map(({ since, name }) => [since, name] as const)}
          value={span.since}
          onChange={since => void navigate({ search: { since } })}
        />
      </PageHead>
      <Totals span={span} now={now} />
      <Charts span={span} now={now} />
      <div className="halves">
        <Breakdown span={span} />
        <div className="stack">
          <Burn now={now} />
          <Dearest span={span} />
        </div>
      </div>
    </div>
  );
}

function Totals({ span, now }: { readonly span: Span; readonly now: number }) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const current = useQuery(query('getUsage', { query: { since: span.since, bucket: 'all' } }));
  const before = useQuery(query('getUsage', { query: { since: iso(now - 2 * span.ms), until: iso(now - span.ms), bucket: 'all' } }));
  const days = useQuery(query('getUsage', { query: { since: '31d', bucket: 'day', limit: 60 } }));
  const month = useMemo(() => forecast(days.data?.data ?? [], now), [days.data, now]);
  return (
    <Loaded query={current}>
      {({ data: [row] }) => (
        <Strip
          figures={[
            ...(row ? figuresOf(row, before.data?.data[0]) : [{ name: 'Requests', value: '0' }]),
            { name: 'This month', value: usd(month.spent), note: `${usd(month.expected)} at its end` },
          ]}
        />
      )}
    </Loaded>
  );
}

function figuresOf(row: UsageRow, before: UsageRow | undefined): readonly Figure[] {
  const than = (value: (row: UsageRow) => number): string => {
    const share = before && change(value(row), value(before));
    return share === undefined ? '' : `${share >= 0 ? '+' : '−'}${percent(Math.abs(share), 0)}`;
  };
  const cached = row.input_tokens === 0 ? 0 : row.cached_tokens / row.input_tokens;
  return [
    { name: 'Requests', value: count(row.requests), note: than(({ requests }) => requests) },
    { name: 'Not ok', value: percent(row.errors / row.requests), note: `${count(row.errors)} requests` },
    { name: 'Cost', value: usd(row.cost_usd), note: than(({ cost_usd }) => cost_usd) },
    {
      name: 'Tokens',
      value: `${count(row.input_tokens)} → ${count(row.output_tokens)}`,
      note: cached === 0 ? than(({ input_tokens, output_tokens }) => input_tokens + output_tokens) : `${percent(cached, 0)} cached`,
    },
    { name: 'Latency p50', value: duration(row.latency_ms.p50), note: `p95 ${duration(row.latency_ms.p95)}` },
    { name: 'First token p50', value: duration(row.ttft_ms.p50), note: `p95 ${duration(row.ttft_ms.p95)}` },
    { name: 'Escalated', value: percent(row.escalations / row.requests), note: `${count(row.escalations)} calls` },
  ];
}
