/** Thresholds: what each would cost and give, dragged by hand, tested, and written. */
import './thresholds.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { query } from '../api/queries.ts';
import { Segments } from '../parts/buttons.tsx';
import { Empty, Loaded, Waiting } from '../parts/feedback.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { count, percent } from '../text/format.ts';
import { Certificates } from './certificates.tsx';
import { Chosen } from './chosen.tsx';
import { Flips } from './flips.tsx';
import { FrontierChart } from './frontier-chart.tsx';
import { type Frontier, nearest, type Row } from './points.ts';
import { CertifyPanel, WritePanel } from './write.tsx';

const here = getRouteApi('/thresholds');

/** The frontier of the route that the address names; else of the first with steps. */
export function ThresholdsPage() {
  const search = here.useSearch();
  const navigate = here.useNavigate();
  const routes = useQuery(query('listRoutes'));
  return (
    <div className="content">
      <PageHead title="Thresholds" sub="which answers of a cheaper model are kept" />
      <Loaded query={routes}>
        {({ data }) => {
          const tiered = data.filter(({ steps }) => steps.length > 1 && steps.some(({ accept }) => accept !== null));
          const route = tiered.find(({ name }) => name === search.route) ?? tiered[0];
          if (!route) return <Empty title="No route has a threshold">A route with several steps and `accept` on the first has one.</Empty>;
          return (
            <>
              <div className="row wrap">
                <Segments
                  label="Route"
                  values={tiered.map(({ name }) => [name, name] as const)}
                  value={route.name}
                  onChange={name => void navigate({ search: { ...search, route: name } })}
                />
                <RunChoice
                  run={search.run}
                  onChange={run => void navigate({ search: { route: route.name, ...(run === '' ? {} : { run }) } })}
                />
              </div>
              <OfRoute
                key={`${route.name} ${search.run}`}
                route={route.name}
                targets={route.steps.map(({ target }) => target)}
                run={search.run}
              />
            </>
          );
        }}
      </Loaded>
      <Certificates />
    </div>
  );
}

/** Whose outcomes are known: all, or those of one replay. */
function RunChoice({ run = '', onChange }: { readonly run: string | undefined; onChange(run: string): void }) {
  const { data } = useQuery(query('listRuns'));
  return (
    <label className="row">
      <span className="muted nowrap">Outcomes from</span>
      <select className="input" value={run} onChange={event => onChange(event.target.value)}>
        <option value="">all replays</option>
        {data?.data.map(({ id, arms }) => (
          <option key={id} value={id}>
            {id} ({arms.join(', ')})
          </option>
        ))}
      </select>
    </label>
  );
}

interface OfRouteProps {
  readonly route: string;
  readonly targets: readonly string[];
  readonly run: string | undefined;
}

function OfRoute({ route, targets, run }: OfRouteProps) {
  const found = useQuery({
    ...query('getFrontier', { params: { route }, query: run === undefined ? {} : { run } }),
    staleTime: 60_000,
    retry: 1,
  });
  if (found.isPending) return <Waiting label="Measuring every threshold" />;
  return (
    <Loaded query={found}>
      {({ frontier, problem }) =>
        frontier === null || frontier.rows.length === 0 ? (
          <Empty title="Not identified yet">
            <span>{problem ?? 'No request has an outcome of every target.'}</span>
            <Link className="button primary" to="/replay" search={{ create: true, route }}>
              Replay its requests against {targets.join(' and ')}
            </Link>
          </Empty>
        ) : (
          <FrontierView frontier={frontier} route={route} targets={targets} run={run} />
        )
      }
    </Loaded>
  );
}

function FrontierView({ frontier, route, targets, run }: OfRouteProps & { readonly frontier: Frontier }) {
  const today = frontier.current?.threshold;
  const [chosen, setChosen] = useState<Row | undefined>(() => nearest(frontier.rows, today === undefined ? [] : [today]));
  useEffect(() => {
    document.title = `Thresholds of ${route} · Hindcast`;
  }, [route]);
  return (
    <div className="thresholds">
      <Panel title="Frontier" actions={<ChartLegend />} className="chart">
        <FrontierChart frontier={frontier} chosen={chosen} onChoose={setChosen} />
      </Panel>
      <div className="stack side">
        {chosen && <Chosen frontier={frontier} targets={targets} chosen={chosen} onChoose={setChosen} />}
        {chosen && <WritePanel route={route} signal={frontier.signal} chosen={chosen} />}
        <CertifyPanel route={route} run={run} />
      </div>
      <div className="stack info">
        <Identification frontier={frontier} />
        {chosen && today !== undefined && chosen.thresholds.length === 1 && frontier.signal === 'confidence' && (
          <Flips route={route} today={today} chosen={chosen.threshold} />
        )}
      </div>
    </div>
  );
}

const ChartLegend = () => (
  <span className="chart-legend muted" aria-hidden="true">
    <i className="line" /> thresholds <i className="mix" /> random mix <i className="model" /> single models <i className="today" /> today{' '}
    <i className="picked" /> chosen
  </span>
);

function Identification({ frontier }: { readonly frontier: Frontier }) {
  const { items, clusters, quality_from, confidence, notes, inconclusive, targets } = frontier;
  return (
    <Panel title="What identifies it">
      <div className="stack">
        <p>
          {count(items)} requests in {count(clusters)} conversations with an outcome of every target; quality from {quality_from}; intervals
          of {percent(confidence, 0)}.
        </p>
        {inconclusive !== null && inconclusive !== undefined && <div className="hint warn">{String(inconclusive)}</div>}
        <ul className="row wrap">
          {targets.map(({ target, ...rest }) => (
            <li key={target} className="muted">
              {target}: known of {percent(typeof rest.coverage === 'number' ? rest.coverage : null, 0)}
            </li>
          ))}
        </ul>
        <ul className="muted">
          {notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </div>
    </Panel>
  );
}
