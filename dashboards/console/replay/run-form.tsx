/** A new run: what is asked again, of whom, for how much; and what it would cost before it starts. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { type AnswerOf, call } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, usd } from '../text/format.ts';
import type { ReplaySearch } from './search.ts';

interface Draft {
  readonly since: string;
  readonly route: string;
  readonly tag: string;
  readonly limit: string;
  readonly against: string;
  readonly aa: string;
  readonly maxCost: string;
}

const bodyOf = ({ since, route, tag, limit, against, aa, maxCost }: Draft) => ({
  ...(since === '' ? {} : { since }),
  ...(route === '' ? {} : { route }),
  ...(tag === '' ? {} : { tag }),
  limit: Number(limit) || 200,
  against: against.split(/[\s,]+/).filter(target => target !== ''),
  aa: Number(aa) || 0,
  max_cost_usd: Number(maxCost) || 0,
});

/** The form; `selection` fills it, as from the traffic. */
export function RunForm({ selection }: { readonly selection: Omit<ReplaySearch, 'create'> }) {
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({
    since: selection.since ?? '24h',
    route: selection.route ?? '',
    tag: selection.tag ?? '',
    limit: '200',
    against: '',
    aa: '0',
    maxCost: '1',
  });
  const plan = useMutation({ mutationFn: () => call('planRun', { body: bodyOf(draft) }) });
  const start = useMutation({
    mutationFn: () => call('startRun', { body: bodyOf(draft) }),
    onSuccess: ({ run }) => (run === null ? undefined : navigate({ to: '/replay', search: {} })),
  });
  const set = (name: keyof Draft) => (value: string) => {
    setDraft({ ...draft, [name]: value });
    plan.reset();
  };
  const problem = plan.error ?? start.error ?? plan.data?.problem ?? start.data?.problem;
  return (
    <Panel title="New run">
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          plan.mutate();
        }}
      >
        <Fields draft={draft} set={set} />
        {problem !== null && problem !== undefined && <Problem error={problem} />}
        {plan.data?.plan && <PlanTable plan={plan.data.plan} />}
        <div className="row">
          <Button type="submit" kind={plan.data?.plan ? 'plain' : 'primary'} disabled={plan.isPending}>
            {plan.isPending ? 'Planning…' : 'Plan it'}
          </Button>
          {plan.data?.plan && (
            <Button kind="primary" icon="replay" disabled={start.isPending} onClick={() => start.mutate()}>
              {start.isPending ? 'Starting…' : 'Start the run'}
            </Button>
          )}
          <span className="muted">A plan calls nobody.</span>
        </div>
      </form>
    </Panel>
  );
}

type Setter = (name: keyof Draft) => (value: string) => void;

const Fields = ({ draft, set }: { readonly draft: Draft; readonly set: Setter }) => (
  <div className="form-grid">
    <Field label="Recorded since" value={draft.since} onChange={set('since')} hint="24h, 7d or a date" />
    <RouteField value={draft.route} onChange={set('route')} />
    <Field label="Only with tag" value={draft.tag} onChange={set('tag')} hint="name=value" />
    <Field label="At most, requests" value={draft.limit} onChange={set('limit')} />
    <Field label="Against, targets or routes" value={draft.against} onChange={set('against')} hint="sim/small, sim/large" isRequired />
    <Field label="Sent to the original too, %" value={draft.aa} onChange={set('aa')} hint="measures run-to-run noise" />
    <Field label="Stop before, USD" value={draft.maxCost} onChange={set('maxCost')} />
  </div>
);

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  onChange(value: string): void;
}

const Field = ({ label, value, hint = '', isRequired = false, onChange }: FieldProps) => (
  <label className="field">
    <span>{label}</span>
    <input className="input" value={value} placeholder={hint} required={isRequired} onChange={event => onChange(event.target.value)} />
  </label>
);

function RouteField({ value, onChange }: { readonly value: string; onChange(value: string): void }) {
  const { data } = useQuery(query('listRoutes'));
  return (
    <label className="field">
      <span>Only route</span>
      <select className="input" value={value} onChange={event => onChange(event.target.value)}>
        <option value="">any</option>
        {data?.data.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

type Plan = NonNullable<AnswerOf<'planRun'>['plan']>;

function PlanTable({ plan: { requests, arms } }: { readonly plan: Plan }) {
  return (
    <ScrollX>
      <table className="grid-table">
        <caption className="muted">{count(requests)} requests would be asked again</caption>
        <thead>
          <tr>
            <th scope="col">Arm</th>
            <th scope="col" className="num">
              Calls
            </th>
            <th scope="col" className="num">
              Likely
            </th>
            <th scope="col" className="num">
              With 95 % certainty
            </th>
            <th scope="col" className="num">
              If every answer is as long as it may be
            </th>
            <th scope="col">Losses</th>
          </tr>
        </thead>
        <tbody>
          {arms.map(({ arm, calls, expected, p95, worst, unpriced, losses = {} }) => (
            <tr key={arm}>
              <td>
                <b>{arm}</b>
                {unpriced > 0 && <span className="muted"> {count(unpriced)} without a known price</span>}
              </td>
              <td className="num">{count(calls)}</td>
              <td className="num">{usd(expected)}</td>
              <td className="num">{usd(p95 ?? null)}</td>
              <td className="num">{usd(worst)}</td>
              <td>{Object.keys(losses).join(', ') || <span className="muted">none</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
