/** Playground: one question to several targets, side by side. */
import './playground.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { query, session } from '../api/queries.ts';
import { readable, usePayload } from '../exchange/payload.ts';
import { Button } from '../parts/buttons.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { questionTurns } from '../text/turns/question.ts';
import { Answer } from './answer.tsx';
import { type Asked, ask, waiting } from './ask.ts';

const here = getRouteApi('/playground');

interface Draft {
  readonly system: string;
  readonly prompt: string;
  readonly targets: string;
  readonly key: string;
}

/** `?from=` fills in the question of a recorded exchange. */
export function PlaygroundPage() {
  const { from, targets = '' } = here.useSearch();
  const [draft, setDraft] = useState<Draft>({ system: '', prompt: '', targets, key: '' });
  const recorded = usePayload(from ?? '', 0, from !== undefined);
  const routes = useQuery(query('listRoutes'));
  useEffect(() => {
    if (!recorded.data) return;
    const turns = questionTurns(readable(recorded.data.request, recorded.data.encoding));
    const text = (role: string): string =>
      turns
        .filter(turn => turn.role === role)
        .map(({ parts }) => parts.map(part => ('text' in part ? part.text : part.input)).join('\n'))
        .join('\n\n');
    setDraft(before => ({ ...before, system: text('system'), prompt: text('user') }));
  }, [recorded.data]);
  useEffect(() => {
    const names =
      routes.data?.data
        .slice(0, 2)
        .map(({ name }) => name)
        .join(', ') ?? '';
    setDraft(before => (before.targets === '' ? { ...before, targets: names } : before));
  }, [routes.data]);
  return (
    <div className="content">
      <PageHead title="Playground" sub="asked as any caller asks, and recorded" />
      <Ask draft={draft} onChange={setDraft} />
    </div>
  );
}

function Ask({ draft, onChange }: { readonly draft: Draft; onChange(draft: Draft): void }) {
  const [answers, setAnswers] = useState<ReadonlyMap<string, Asked>>(new Map());
  const stop = useRef<AbortController>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const isBusy = [...answers.values()].some(({ state }) => state === 'waiting' || state === 'streaming');
  const start = (): void => {
    stop.current?.abort();
    const control = new AbortController();
    stop.current = control;
    const targets = [...new Set(draft.targets.split(/[\s,]+/).filter(target => target !== ''))].slice(0, 6);
    const messages = [
      ...(draft.system.trim() === '' ? [] : [{ role: 'system', content: draft.system }]),
      { role: 'user', content: draft.prompt },
    ];
    setAnswers(new Map(targets.map(target => [target, waiting(target)])));
    const tell = (asked: Asked): void => {
      if (stop.current === control) setAnswers(before => new Map(before).set(asked.target, asked));
    };
    for (const target of targets) void ask(target, { messages, key: draft.key.trim() }, control.signal, tell);
  };
  return (
    <>
      <AskForm draft={draft} onChange={onChange} isBusy={isBusy} onStart={start} onStop={() => stop.current?.abort()} />
      {answers.size > 0 && (
        <div className="answers">
          {[...answers.values()].map(asked => (
            <Answer key={asked.target} asked={asked} />
          ))}
        </div>
      )}
    </>
  );
}

interface AskFormProps {
  readonly draft: Draft;
  readonly isBusy: boolean;
  onChange(draft: Draft): void;
  onStart(): void;
  onStop(): void;
}

function AskForm({ draft, isBusy, onChange, onStart, onStop }: AskFormProps) {
  const { data: who } = useQuery(session);
  const set = (name: keyof Draft, value: string): void => onChange({ ...draft, [name]: value });
  const needsKey = useMemo(() => who !== undefined && (who.name !== '' || who.expires_at !== null), [who]);
  return (
    <Panel title="Question">
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          onStart();
        }}
      >
        <label className="field">
          <span>System</span>
          <textarea className="input" rows={2} value={draft.system} onChange={event => set('system', event.target.value)} />
        </label>
        <label className="field">
          <span>Question</span>
          <textarea className="input" rows={4} required value={draft.prompt} onChange={event => set('prompt', event.target.value)} />
        </label>
        <div className="row wrap ask-row">
          <label className="field grow">
            <span>Targets and routes, at most six</span>
            <input
              className="input"
              required
              value={draft.targets}
              placeholder="smart, sim/large"
              onChange={event => set('targets', event.target.value)}
            />
          </label>
          {needsKey && (
            <label className="field grow">
              <span>Key of the caller; it stays in this page</span>
              <input
                className="input"
                type="password"
                autoComplete="off"
                required
                value={draft.key}
                onChange={event => set('key', event.target.value)}
              />
            </label>
          )}
          {isBusy ? (
            <Button icon="pause" onClick={onStop}>
              Stop
            </Button>
          ) : (
            <Button kind="primary" icon="playground" type="submit">
              Ask
            </Button>
          )}
        </div>
      </form>
    </Panel>
  );
}
