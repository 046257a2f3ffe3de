/** Config: the file, what is wrong with it, how it differs from what runs, and the way to change it. */
import './config.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { type AnswerOf, call } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Empty, Loaded, Problem, Waiting } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { Json, Visible } from '../parts/text.tsx';
import type { Mark } from './editor.tsx';
import { lineDifferences } from './line-differences.ts';

const Editor = lazy(async () => ({ default: (await import('./editor.tsx')).Editor }));
type Configuration = AnswerOf<'getConfig'>;

/** For admins; secrets in the file read `[secret:…]` and stay what they are. */
export function ConfigPage() {
  const config = useQuery(query('getConfig'));
  return (
    <div className="content">
      <Loaded query={config}>{found => <ConfigView key={found.hash} config={found} />}</Loaded>
    </div>
  );
}

function ConfigView({ config }: { readonly config: Configuration }) {
  const client = useQueryClient();
  const [text, setText] = useState(config.text ?? '');
  const check = useMutation({ mutationFn: () => call('checkConfig', { body: { text } }) });
  const write = useMutation({
    mutationFn: () => call('setConfig', { body: { text }, ifMatch: config.hash }),
    onSuccess: () => new Promise<void>(resolve => setTimeout(() => resolve(client.invalidateQueries()), 1_200)),
  });
  const marks = useMemo((): readonly Mark[] => check.data?.problems ?? [], [check.data]);
  const isChanged = text !== (config.text ?? '');
  const edit = (next: string): void => {
    setText(next);
    check.reset();
    write.reset();
  };
  return (
    <>
      <PageHead title="Config" sub={<span className="mono">{config.file ?? 'from the environment'}</span>}>
        <Badge tone={config.running ? 'good' : 'bad'}>{config.running ? 'runs' : 'does not run: it is broken'}</Badge>
        <Badge>{config.hash}</Badge>
      </PageHead>
      {config.text === null ? (
        <Empty title="No file">This gateway takes its providers from the environment.</Empty>
      ) : (
        <Panel
          title="File"
          isTight
          actions={
            <span className="row">
              <Button disabled={check.isPending} onClick={() => check.mutate()}>
                Check
              </Button>
              <Button disabled={!isChanged} onClick={() => edit(config.text ?? '')}>
                Undo all
              </Button>
              <Button
                kind="primary"
                disabled={!isChanged || check.data?.ok !== true || write.isPending}
                title="Check it first"
                onClick={() => write.mutate()}
              >
                Write it
              </Button>
            </span>
          }
        >
          <Suspense fallback={<Waiting />}>
            <Editor label="Configuration" text={text} marks={marks} onChange={edit} />
          </Suspense>
        </Panel>
      )}
      <Verdict check={check.data} error={check.error ?? write.error} written={write.data} />
      {isChanged && <Difference before={config.text ?? ''} after={text} />}
      <Panel title="What runs">
        <Json value={config.summary} />
      </Panel>
    </>
  );
}

interface VerdictProps {
  readonly check: AnswerOf<'checkConfig'> | undefined;
  readonly error: unknown;
  readonly written: AnswerOf<'setConfig'> | undefined;
}

function Verdict({ check, error, written }: VerdictProps) {
  const restart = written?.restart_needed ?? check?.restart_needed ?? [];
  return (
    <>
      {error ? <Problem error={error} /> : null}
      {written && <div className="hint">Written as {written.hash}; the gateway takes it within a second.</div>}
      {!written && check?.ok && <div className="hint">It is valid; its hash is {check.hash}.</div>}
      {restart.length > 0 && <div className="hint warn">Only a restart changes {restart.join(', ')}.</div>}
      {check && !check.ok && (
        <ul className="problem-list" role="alert">
          {check.problems.map(({ line, column, path, message }) => (
            <li key={`${line} ${column} ${path}`} className="problem">
              <span className="nowrap">
                line {line}, column {column}
              </span>
              <span>
                {path}: {message}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const signs = { same: ' ', added: '+', removed: '−', gap: '…' } as const;

function Difference({ before, after }: { readonly before: string; readonly after: string }) {
  const lines = useMemo(() => lineDifferences(before, after), [before, after]);
  return (
    <Panel title="Difference to what runs">
      <pre className="text code line-diff">
        {lines.map(({ kind, text }, i) => (
          <span key={`${i}`} className={kind}>
            {signs[kind]} <Visible text={text} />
            {'\n'}
          </span>
        ))}
      </pre>
    </Panel>
  );
}
