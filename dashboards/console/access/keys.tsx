/** Keys: made and shown once, blocked, rotated, revoked. Those of the configuration file are changed there. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type AnswerOf, call } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Button, CopyButton } from '../parts/buttons.tsx';
import { Empty, Loaded, Problem } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, dateTime, usd } from '../text/format.ts';
import { KeyForm } from './key-form.tsx';

type Key = AnswerOf<'listKeys'>['data'][number];

/** The list, and a form for a new one. */
export function Keys() {
  const keys = useQuery(query('listKeys', { query: { limit: 1_000 } }));
  const [isOpen, setOpen] = useState(false);
  const [shown, setShown] = useState<{ readonly name: string; readonly key: string }>();
  return (
    <div className="stack">
      <div className="row">
        <Button kind={isOpen ? 'plain' : 'primary'} icon={isOpen ? 'close' : 'access'} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Close the form' : 'New key'}
        </Button>
      </div>
      {isOpen && (
        <KeyForm
          onCreated={created => {
            setShown(created);
            setOpen(false);
          }}
        />
      )}
      {shown && <ShownOnce created={shown} onClose={() => setShown(undefined)} />}
      <Loaded query={keys}>
        {({ data }) => (
          <Panel title={`${count(data.length)} keys`} isTight>
            {data.length === 0 ? (
              <Empty title="No key">Everybody on this machine may do everything. The first key says that callers need one.</Empty>
            ) : (
              <KeyTable keys={data} onRotated={setShown} />
            )}
          </Panel>
        )}
      </Loaded>
    </div>
  );
}

function ShownOnce({
  created: { name, key },
  onClose,
}: {
  readonly created: { readonly name: string; readonly key: string };
  onClose(): void;
}) {
  return (
    <div className="hint" role="status">
      <div className="stack grow">
        <span>
          The key of <b>{name}</b>. Nobody can read it again.
        </span>
        <code className="secret">{key}</code>
        <div className="row">
          <CopyButton label="Copy the key" text={key} />
          <Button onClick={onClose}>I have it</Button>
        </div>
      </div>
    </div>
  );
}

interface KeyTableProps {
  readonly keys: readonly Key[];
  onRotated(created: { readonly name: string; readonly key: string }): void;
}

const KeyTable = ({ keys, onRotated }: KeyTableProps) => (
  <ScrollX>
    <table className="grid-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Role</th>
          <th scope="col">Belongs to</th>
          <th scope="col">May call</th>
          <th scope="col">Budget and limits</th>
          <th scope="col">Expires</th>
          <th scope="col">
            <span className="hidden-text">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map(key => (
          <KeyRow key={key.id} of={key} onRotated={onRotated} />
        ))}
      </tbody>
    </table>
  </ScrollX>
);

function KeyRow({ of: key, onRotated }: { readonly of: Key; readonly onRotated: KeyTableProps['onRotated'] }) {
  return (
    <tr>
      <td>
        <Link to="/traffic" search={{ key: key.name }}>
          <b>{key.name}</b>
        </Link>
        <div className="muted mono">{key.hash}</div>
      </td>
      <td>
        <Badge tone={key.state === 'active' ? 'good' : 'bad'}>{key.state}</Badge>
        {key.rotated_until !== null && <div className="muted">old one until {dateTime(key.rotated_until)}</div>}
      </td>
      <td>{key.role}</td>
      <td>{[key.tenant, key.project, key.user].filter(part => part !== '').join(' / ')}</td>
      <td>{[...(key.routes ?? []), ...(key.models ?? [])].join(', ') || <span className="muted">everything</span>}</td>
      <td>{capsText(key) || <span className="muted">none</span>}</td>
      <td className="nowrap">{key.expires_at === null ? <span className="muted">never</span> : dateTime(key.expires_at)}</td>
      <td className="num">{key.stored ? <KeyActions of={key} onRotated={onRotated} /> : <span className="muted">in the file</span>}</td>
    </tr>
  );
}

/** What a key, tenant, project or user may spend and ask, in words. */
export const capsText = ({ budget, limits }: Pick<Key, 'budget' | 'limits'>): string =>
  [
    budget ? `${usd(budget.usd)} a ${budget.per}` : '',
    ...Object.entries(limits ?? {}).map(([name, value]) => (value === null ? '' : `${count(value)} ${name.replaceAll('_', ' ')}`)),
  ]
    .filter(text => text !== '')
    .join(', ');

function KeyActions({ of: { id, name, state }, onRotated }: { readonly of: Key; readonly onRotated: KeyTableProps['onRotated'] }) {
  const client = useQueryClient();
  const [isSure, setSure] = useState(false);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ['listKeys'] });
  const block = useMutation({
    mutationFn: () => call('changeKey', { params: { id }, body: { blocked: state !== 'blocked' } }),
    onSettled: refresh,
  });
  const rotate = useMutation({
    mutationFn: () => call('rotateKey', { params: { id }, body: {} }),
    onSuccess: ({ key }) => onRotated({ name, key }),
    onSettled: refresh,
  });
  const revoke = useMutation({ mutationFn: () => call('revokeKey', { params: { id } }), onSettled: refresh });
  const problem = block.error ?? rotate.error ?? revoke.error;
  return (
    <div className="row key-actions">
      <Button kind="quiet" onClick={() => block.mutate()}>
        {state === 'blocked' ? 'Unblock' : 'Block'}
      </Button>
      <Button kind="quiet" title="The old one is accepted for a day" onClick={() => rotate.mutate()}>
        Rotate
      </Button>
      <Button kind="quiet" className="danger" onClick={() => (isSure ? revoke.mutate() : setSure(true))} onBlur={() => setSure(false)}>
        {isSure ? 'Revoke for good' : 'Revoke'}
      </Button>
      {problem && <Problem error={problem} />}
    </div>
  );
}
