/** A key for a session of 12 hours. The key itself is not kept here. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem } from '../parts/feedback.tsx';
import { Mark } from '../parts/icons.tsx';

export function Login() {
  const client = useQueryClient();
  const [key, setKey] = useState('');
  const open = useMutation({
    mutationFn: () => call('openSession', { body: { key } }),
    onSuccess: opened => client.setQueryData(session.queryKey, opened),
  });
  return (
    <main className="login">
      <form
        onSubmit={event => {
          event.preventDefault();
          open.mutate();
        }}
      >
        <div className="brand">
          <Mark />
          Hindcast
        </div>
        <h1>Sign in</h1>
        <label className="field">
          <span>Key of the role viewer, analyst or admin</span>
          <input
            className="input mono"
            type="password"
            autoComplete="current-password"
            required
            value={key}
            onChange={event => setKey(event.target.value)}
          />
        </label>
        {open.error && <Problem error={open.error} />}
        <Button kind="primary" type="submit" disabled={open.isPending}>
          Open the console
        </Button>
        <p className="muted">
          On the gateway’s machine, the key lies in admin.key of the folder of records. A session ends after 12 hours.
        </p>
      </form>
    </main>
  );
}
