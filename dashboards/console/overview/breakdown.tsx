/** Requests, failures, latency and cost by what they have in common. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { query } from '../api/queries.ts';
import { Segments } from '../parts/buttons.tsx';
import { Empty, Loaded } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, duration, percent, usd } from '../text/format.ts';
import { type Dimension, dimensions, type Span, type UsageRow } from './figures.ts';

/** The dearest first; each row leads to its traffic. */
export function Breakdown({ span }: { readonly span: Span }) {
  const [by, setBy] = useState<Dimension>('model');
  const usage = useQuery(query('getUsage', { query: { since: span.since, bucket: 'all', by, limit: 200 } }));
  return (
    <Panel
      title="By"
      isTight
      actions={<Segments<Dimension> label="By" values={dimensions.map(name => [name, name] as const)} value={by} onChange={setBy} />}
    >
      <Loaded query={usage}>
        {({ data }) =>
          data.length === 0 ? <Empty title="No traffic in this time" /> : <BreakdownTable rows={data} by={by} since={span.since} />
        }
      </Loaded>
    </Panel>
  );
}

function BreakdownTable({ rows, by, since }: { readonly rows: readonly UsageRow[]; readonly by: Dimension; readonly since: string }) {
  const sorted = rows.toSorted((a, b) => b.cost_usd - a.cost_usd || b.requests - a.requests);
  const most = Math.max(1e-12, ...rows.map(({ cost_usd }) => cost_usd));
  return (
    <ScrollX>
      <table className="grid-table">
        <thead>
          <tr>
            <th scope="col">{by}</th>
            <th scope="col" className="num">
              Requests
            </th>
            <th scope="col" className="num">
              Not ok
            </th>
            <th scope="col" className="num">
              p95
            </th>
            <th scope="col" className="num">
              Cost
            </th>
            <th scope="col">
              <span className="hidden-text">Share of cost</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, 40).map(row => {
            const value = row.by[by] ?? '';
            return (
              <tr key={value}>
                <td>
                  {value === '' ? (
                    <span className="muted">none</span>
                  ) : (
                    <Link to="/traffic" search={{ since, [by]: value }}>
                      {value}
                    </Link>
                  )}
                </td>
                <td className="num">{count(row.requests)}</td>
                <td className="num">{percent(row.errors / row.requests)}</td>
                <td className="num">{duration(row.latency_ms.p95)}</td>
                <td className="num">{usd(row.cost_usd)}</td>
                <td className="share">
                  <div className="bar" aria-hidden="true">
                    <i style={{ width: `${(row.cost_usd / most) * 100}%` }} />
                  </div>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </ScrollX>
  );
}
