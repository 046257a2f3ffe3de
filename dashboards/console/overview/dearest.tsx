/** The exchanges that cost most. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { query } from '../api/queries.ts';
import { Loaded } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, dateTime, usd } from '../text/format.ts';
import type { Span } from './figures.ts';

/** Eight of them, each with a way to its page. */
export function Dearest({ span }: { readonly span: Span }) {
  const found = useQuery(query('listExchanges', { query: { since: span.since, sort: 'cost', limit: 8 } }));
  return (
    <Panel title="Dearest exchanges" isTight>
      <Loaded query={found}>
        {({ data }) => (
          <ScrollX>
            <table className="grid-table">
              <tbody>
                {data.map(({ id, received_at, route, provider, model, input_tokens, output_tokens, cost_usd }) => (
                  <tr key={id}>
                    <td className="nowrap">
                      <Link to="/exchanges/$id" params={{ id }}>
                        {dateTime(received_at)}
                      </Link>
                    </td>
                    <td>{route}</td>
                    <td>
                      {provider}/{model}
                    </td>
                    <td className="num">
                      {count(input_tokens)} → {count(output_tokens)}
                    </td>
                    <td className="num">{usd(cost_usd)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </ScrollX>
        )}
      </Loaded>
    </Panel>
  );
}
