/** Which recent requests another threshold would have sent on: a look at those behind a number. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { query } from '../api/queries.ts';
import { Panel } from '../parts/panel.tsx';
import { clockTime, confidence, usd } from '../text/format.ts';

interface FlipsProps {
  readonly route: string;
  readonly today: number;
  readonly chosen: number;
}

const listed = 12;

/** Of a route with one threshold on confidence; answers that were declined tell their confidence on their own page only. */
export function Flips({ route, today, chosen }: FlipsProps) {
  const { data } = useQuery(query('listExchanges', { query: { route, limit: 500 } }));
  if (!data || chosen === today) return null;
  const kept = data.data.filter(
    ({ confidence: value, escalations }) => escalations === 0 && value !== null && value >= today && value < chosen,
  );
  const declined = data.data.filter(({ escalations }) => escalations > 0);
  const rows = chosen > today ? kept.toSorted((a, b) => a.confidence! - b.confidence!) : declined;
  return (
    <Panel
      title="What would flip"
      isTight
      actions={
        <span className="muted">
          {chosen > today
            ? `${kept.length} of the newest ${data.data.length} would be asked again`
            : `${declined.length} of the newest ${data.data.length} were asked again; some would not be`}
        </span>
      }
    >
      <ul className="flips">
        {rows.slice(0, listed).map(row => (
          <li key={row.id} className="row">
            <Link to="/exchanges/$id" params={{ id: row.id }}>
              {clockTime(row.received_at)}
            </Link>
            <span className="grow cut">
              {row.provider}/{row.model}
            </span>
            <span>{row.confidence === null ? 'declined' : `confidence ${confidence(row.confidence)}`}</span>
            <span className="num">{usd(row.cost_usd)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
