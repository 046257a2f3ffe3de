/** A new key: whose it is and what it may do. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { call } from '../api/client.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';

const fields = [
  { name: 'name', label: 'Name', hint: 'web-backend' },
  { name: 'tenant', label: 'Tenant', hint: 'default' },
  { name: 'project', label: 'Project', hint: '' },
  { name: 'user', label: 'User', hint: '' },
  { name: 'routes', label: 'Routes and targets', hint: 'all; smart, sim/*' },
  { name: 'usd', label: 'Budget, USD', hint: 'none' },
  { name: 'rpm', label: 'Requests a minute', hint: 'no limit' },
  { name: 'days', label: 'Expires after, days', hint: 'never' },
] as const;

type Draft = Readonly<Record<(typeof fields)[number]['name'] | 'role' | 'per', string>>;
const empty: Draft = { name: '', tenant: '', project: '', user: '', routes: '', usd: '', rpm: '', days: '', role: 'caller', per: 'month' };
const dayMs = 86_400_000;

const bodyOf = ({ name, tenant, project, user, routes, usd, rpm, days, role, per }: Draft) => ({
  ...{ name, project, user, tenant: tenant || 'default', role: role as 'caller' },
  ...(routes.trim() === '' ? {} : { routes: routes.split(/[\s,]+/).filter(one => one !== '') }),
  ...(usd === '' ? {} : { budget: { usd: Number(usd), per: per as 'month' } }),
  ...(rpm === '' ? {} : { limits: { rpm: Number(rpm) } }),
  ...(days === '' ? {} : { expires_at: new Date(Date.now() + Number(days) * dayMs).toISOString() }),
});

/** `onCreated` gets the whole key, which nobody can read again. */
export function KeyForm({ onCreated }: { onCreated(created: { readonly name: string; readonly key: string }): void }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<Draft>(empty);
  const create = useMutation({
    mutationFn: () => call('createKey', { body: bodyOf(draft) }),
    onSuccess: ({ name, key }) => {
      onCreated({ name, key });
      return client.invalidateQueries({ queryKey: ['listKeys'] });
    },
  });
  const set = (name: keyof Draft, value: string): void => setDraft({ ...draft, [name]: value });
  return (
    <Panel title="New key">
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <div className="key-form">
          {fields.map(({ name, label, hint }) => (
            <label key={name} className="field">
              <span>{label}</span>
              <input
                className="input"
                required={name === 'name'}
                placeholder={hint}
                value={draft[name]}
                onChange={event => set(name, event.target.value)}
              />
            </label>
          ))}
          <Choice
            label="Role"
            values={['caller', 'viewer', 'analyst', 'admin']}
            value={draft.role}
            onChange={value => set('role', value)}
          />
          <Choice
            label="Budget of a"
            values={['hour', 'day', 'week', 'month', 'total']}
            value={draft.per}
            onChange={value => set('per', value)}
          />
        </div>
        {create.error && <Problem error={create.error} />}
        <div className="row">
          <Button kind="primary" type="submit" disabled={create.isPending}>
            Make the key
          </Button>
          <span className="muted">It is shown once. Without keys so far, callers need one from then on.</span>
        </div>
      </form>
    </Panel>
  );
}

function Choice({
  label,
  values,
  value,
  onChange,
}: {
  readonly label: string;
  readonly values: readonly string[];
  readonly value: string;
  onChange(value: string): void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="input" value={value} onChange={event => onChange(event.target.value)}>
        {values.map(one => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </div>
  );
}
