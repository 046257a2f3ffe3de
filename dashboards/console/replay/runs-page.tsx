/** Replay: every run, how far it is, what it cost; and the form of a new one. */
import './replay.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type AnswerOf, call } from '../api/client.ts';
import { mayActAs, query, session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Empty, Loaded, Problem } from '../parts/feedback.tsx';
import { Badge, type Tone } from '../parts/outcome.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, dateTime, usd } from '../text/format.ts';
import { RunForm } from './run-form.tsx';

const here = getRouteApi('/replay');
type Run = AnswerOf<'listRuns'>['data'][number];

/** The list of runs beside the form of a new one. */
export function RunsPage() {
  const { data: who } = useQuery(session);
  const { create, ...selection } = here.useSearch();
  const navigate = here.useNavigate();
  const runs = useQuery({ ...query('listRuns'), refetchInterval: ({ state }) => (state.data?.data.some(isMoving) ? 1_500 : 15_000) });
  const mayRun = mayActAs(who?.role ?? 'viewer', 'analyst');
  return (
    <div className="content">
      <PageHead title="Replay" sub="recorded questions, asked again">
        {mayRun && (
          <Button
            kind={create ? 'plain' : 'primary'}
            icon={create ? 'close' : 'replay'}
            onClick={() => void navigate({ search: create ? {} : { create: true } })}
          >
            {create ? 'Close the form' : 'New run'}
          </Button>
        )}
      </PageHead>
      {create && mayRun && <RunForm selection={selection} />}
      <Loaded query={runs}>{({ data }) => <Runs runs={data} mayRun={mayRun} />}</Loaded>
    </div>
  );
}

const isMoving = ({ state }: Run): boolean => state === 'running' || state === 'planned';

function Runs({ runs, mayRun }: { readonly runs: readonly Run[]; readonly mayRun: boolean }) {
  if (runs.length === 0) {
    return (
      <Panel title="Runs">
        <Empty title="No run yet">A run sends recorded requests to other targets and keeps their answers beside the recorded ones.</Empty>
      </Panel>
    );
  }
  return (
    <Panel title="Runs" isTight>
      <ScrollX>
        <table className="grid-table">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">State</th>
              <th scope="col">Against</th>
              <th scope="col">Progress</th>
              <th scope="col" className="num">
                Failed
              </th>
              <th scope="col" className="num">
                Cost
              </th>
              <th scope="col">Started</th>
              <th scope="col">
                <span className="hidden-text">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map(run => (
              <RunRow key={run.id} run={run} mayRun={mayRun} />
            ))}
          </tbody>
        </table>
      </ScrollX>
    </Panel>
  );
}

const tones: Readonly<Record<string, Tone>> = {
  finished: 'good',
  running: 'accent',
  planned: 'accent',
  interrupted: 'warn',
  failed: 'bad',
};

function RunRow({ run, mayRun }: { readonly run: Run; readonly mayRun: boolean }) {
  const { id, state, arms, selected, done, failed, cost_usd, created_at, kind } = run;
  return (
    <tr>
      <td className="nowrap">
        <Link to="/replay/$id" params={{ id }}>
          <code>{id}</code>
        </Link>
        {kind !== 'replay' && <span className="muted"> {kind}</span>}
      </td>
      <td>
        <Badge tone={tones[state] ?? 'plain'}>{state}</Badge>
      </td>
      <td>{arms.join(', ')}</td>
      <td>
        <Progress done={done} all={selected} />
      </td>
      <td className="num">{count(failed)}</td>
      <td className="num">{usd(cost_usd)}</td>
      <td className="nowrap">{dateTime(created_at)}</td>
      <td className="num">{mayRun && kind === 'replay' && <RunActions run={run} />}</td>
    </tr>
  );
}

/** A bar and its numbers. */
export function Progress({ done, all }: { readonly done: number; readonly all: number }) {
  const share = all === 0 ? 0 : Math.min(1, done / all);
  return (
    <div className="progress">
      <div className="bar" aria-hidden="true">
        <i className={share === 1 ? 'good' : ''} style={{ width: `${share * 100}%` }} />
      </div>
      <span className="nowrap">
        {count(done)} of {count(all)}
      </span>
    </div>
  );
}

function RunActions({ run: { id, state } }: { readonly run: Run }) {
  const client = useQueryClient();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ['listRuns'] });
  const pause = useMutation({ mutationFn: () => call('pauseRun', { params: { id } }), onSettled: refresh });
  const resume = useMutation({ mutationFn: () => call('resumeRun', { params: { id } }), onSettled: refresh });
  const problem =
    pause.error ??
    resume.error ??
    resume.data?.problem ??
    (pause.data?.paused === false ? 'It runs in another process: pause it there.' : null);
  return (
    <>
      {state === 'running' && (
        <Button icon="pause" kind="quiet" disabled={pause.isPending} onClick={() => pause.mutate()}>
          Pause
        </Button>
      )}
      {(state === 'interrupted' || state === 'failed') && (
        <Button icon="playground" kind="quiet" disabled={resume.isPending} onClick={() => resume.mutate()}>
          Resume
        </Button>
      )}
      {problem !== null && problem !== undefined && <Problem error={problem} />}
    </>
  );
}
