/** Targets and routes: how requests may go, how targets are, and who would be asked. */
import './targets.css';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AnswerOf } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Empty, Loaded } from '../parts/feedback.tsx';
import { Badge, Dot, type Tone } from '../parts/outcome.tsx';
import { PageHead, Panel, Strip } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, duration, percent } from '../text/format.ts';
import { Explain } from './explain.tsx';
import { RouteGraph } from './route-graph.tsx';

/** Looked at anew every three seconds. */
export function TargetsPage() {
  const targets = useQuery({ ...query('getTargets'), refetchInterval: 3_000 });
  const routes = useQuery(query('listRoutes'));
  return (
    <div className="content">
      <PageHead title="Targets and routes" sub="as the worker that answers sees them" />
      <Loaded query={targets}>{data => <Health report={data} />}</Loaded>
      <Loaded query={routes}>
        {({ data }) => (
          <>
            <Panel title="Routes">
              {data.length === 0 ? <Empty title="No route">Targets can be asked by their own names.</Empty> : <RouteGraph routes={data} />}
            </Panel>
            <Explain names={data.map(({ name }) => name)} />
          </>
        )}
      </Loaded>
    </div>
  );
}

type Report = AnswerOf<'getTargets'>;

interface TargetRow {
  readonly target: string;
  readonly state: string;
  readonly closed_for_ms?: number;
  readonly in_flight: number;
  readonly failures_in_a_row: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly ttft_ms: { readonly p50: number | null; readonly p95: number | null };
  readonly total_ms: { readonly p50: number | null; readonly p95: number | null };
  readonly waiting: number;
  readonly limits: readonly {
    readonly key: string;
    readonly requests?: Level;
    readonly tokens?: Level;
    readonly blocked_for_ms?: number;
  }[];
}

interface Level {
  readonly left: number;
  readonly per_minute: number;
}

interface Rollout {
  readonly route: string;
  readonly variant: string;
  readonly share: number;
  readonly stage: number;
  readonly stages: number;
  readonly requests: number;
  readonly failures: number;
  readonly rolled_back: string | null;
}

function Health({ report }: { readonly report: Report }) {
  const rows = report.targets as unknown as readonly TargetRow[];
  const extra = report.extra_calls as { readonly retries_left?: number; readonly hedges_left?: number };
  const rollouts = report.rollouts as readonly Rollout[];
  return (
    <>
      <Strip
        figures={[
          { name: 'Waiting for a limit', value: count(report.queue.requests) },
          { name: 'Retries left', value: count(extra.retries_left ?? 0) },
          { name: 'Hedges left', value: count(extra.hedges_left ?? 0) },
          { name: 'Keys that rest', value: count(report.keys.length) },
          {
            name: 'Probes',
            value:
              report.probes.length === 0
                ? 'none'
                : report.probes.map(({ provider, outcome }) => `${provider} ${String(outcome)}`).join(', '),
          },
        ]}
      />
      <Panel title="Targets" isTight>
        {rows.length === 0 ? (
          <Empty title="No target was asked since the start">Send a request, and it stands here.</Empty>
        ) : (
          <HealthTable rows={rows} />
        )}
      </Panel>
      {rollouts.length > 0 && <Rollouts rollouts={rollouts} />}
    </>
  );
}

const tones: Readonly<Record<string, Tone>> = { healthy: 'good', ramping: 'warn', probing: 'warn', cooling: 'warn', open: 'bad' };

const HealthTable = ({ rows }: { readonly rows: readonly TargetRow[] }) => (
  <ScrollX>
    <table className="grid-table">
      <thead>
        <tr>
          <th scope="col">Target</th>
          <th scope="col">State</th>
          <th scope="col" className="num">
            In flight
          </th>
          <th scope="col">Recent outcomes</th>
          <th scope="col" className="num">
            First token p50, p95
          </th>
          <th scope="col" className="num">
            Whole p50, p95
          </th>
          <th scope="col">Limits left</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <HealthRow key={row.target} row={row} />
        ))}
      </tbody>
    </table>
  </ScrollX>
);

function HealthRow({ row }: { readonly row: TargetRow }) {
  const [provider = '', ...model] = row.target.split('/');
  const outcomes = Object.entries(row.outcomes).filter(([, share]) => share > 0.0005);
  return (
    <tr>
      <td className="nowrap">
        <Dot tone={tones[row.state] ?? 'plain'} />{' '}
        <Link to="/traffic" search={{ provider, model: model.join('/') }}>
          {row.target}
        </Link>
      </td>
      <td className="nowrap">
        <Badge tone={tones[row.state] ?? 'plain'}>{row.state}</Badge>
        {row.closed_for_ms !== undefined && <span className="muted"> for {duration(row.closed_for_ms)}</span>}
        {row.failures_in_a_row > 0 && <span className="muted"> {row.failures_in_a_row} failures in a row</span>}
      </td>
      <td className="num">
        {row.in_flight}
        {row.waiting > 0 && `, ${row.waiting} wait`}
      </td>
      <td>
        {outcomes.length === 0 ? (
          <span className="muted">none yet</span>
        ) : (
          outcomes.map(([name, share]) => `${name.replaceAll('_', ' ')} ${percent(share)}`).join(', ')
        )}
      </td>
      <td className="num">
        {duration(row.ttft_ms.p50)}, {duration(row.ttft_ms.p95)}
      </td>
      <td className="num">
        {duration(row.total_ms.p50)}, {duration(row.total_ms.p95)}
      </td>
      <td>{row.limits.length === 0 ? <span className="muted">none known</span> : row.limits.map(limitText).join('; ')}</td>
    </tr>
  );
}

const limitText = ({ key, requests, tokens, blocked_for_ms }: TargetRow['limits'][number]): string =>
  [
    key,
    requests ? `${count(requests.left)} of ${count(requests.per_minute)} requests` : '',
    tokens ? `${count(tokens.left)} of ${count(tokens.per_minute)} tokens` : '',
    blocked_for_ms === undefined ? '' : `blocked for ${duration(blocked_for_ms)}`,
  ]
    .filter(text => text !== '')
    .join(' ');

const Rollouts = ({ rollouts }: { readonly rollouts: readonly Rollout[] }) => (
  <Panel title="Rollouts">
    <ul className="stack">
      {rollouts.map(({ route, variant, share, stage, stages, requests, failures, rolled_back }) => (
        <li key={`${route} ${variant}`} className="row wrap">
          <b>{route}</b> → <b>{variant}</b>
          {rolled_back === null ? (
            <Badge tone="accent">
              stage {stage} of {stages}
            </Badge>
          ) : (
            <Badge tone="bad">rolled back</Badge>
          )}
          <span className="muted">
            {percent(share, 0)} of requests; {count(requests)} so far, {count(failures)} failed. {rolled_back}
          </span>
        </li>
      ))}
    </ul>
  </Panel>
);
