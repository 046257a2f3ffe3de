/** Who would be asked for a request that looks like this, and why. Nobody is called. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { AnswerOf } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { duration, usd } from '../text/format.ts';

interface Draft {
  readonly model: string;
  readonly input: string;
  readonly output: string;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly schema: boolean;
}

/** `names` are offered as models. */
export function Explain({ names }: { readonly names: readonly string[] }) {
  const list = useId();
  const [draft, setDraft] = useState<Draft>({
    model: names[0] ?? '',
    input: '1000',
    output: '300',
    tools: false,
    vision: false,
    schema: false,
  });
  const [asked, setAsked] = useState<Draft | undefined>();
  const set = <Name extends keyof Draft>(name: Name, value: Draft[Name]): void => setDraft({ ...draft, [name]: value });
  return (
    <Panel title="Explain a request">
      <form
        className="stack"
        onSubmit={event => {
          event.preventDefault();
          setAsked(draft);
        }}
      >
        <div className="row wrap explain-form">
          <label className="field">
            <span>Route or target</span>
            <input className="input" list={list} required value={draft.model} onChange={event => set('model', event.target.value)} />
            <datalist id={list}>
              {names.map(name => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
          <label className="field">
            <span>Tokens in</span>
            <input className="input" inputMode="numeric" value={draft.input} onChange={event => set('input', event.target.value)} />
          </label>
          <label className="field">
            <span>Tokens out</span>
            <input className="input" inputMode="numeric" value={draft.output} onChange={event => set('output', event.target.value)} />
          </label>
          {(['tools', 'vision', 'schema'] as const).map(name => (
            <label key={name} className="row">
              <input type="checkbox" checked={draft[name]} onChange={event => set(name, event.target.checked)} />
              {{ tools: 'with tools', vision: 'with an image', schema: 'answer by a schema' }[name]}
            </label>
          ))}
          <Button type="submit">Explain</Button>
        </div>
        {asked && <Explained asked={asked} />}
      </form>
    </Panel>
  );
}

function Explained({ asked }: { readonly asked: Draft }) {
  const { model, input, output, tools, vision, schema } = asked;
  const found = useQuery(
    query('explain', {
      query: {
        ...{ model, input_tokens: Number(input) || 0, output_tokens: Number(output) || 0 },
        ...(tools ? { tools: '1' } : {}),
        ...(vision ? { vision: '1' } : {}),
        ...(schema ? { json_schema: '1' } : {}),
      },
    }),
  );
  return <Loaded query={found}>{explanation => <Candidates candidates={explanation.candidates} />}</Loaded>;
}

const Candidates = ({ candidates }: { readonly candidates: AnswerOf<'explain'>['candidates'] }) => (
  <ol className="candidates">
    {candidates.map(({ target, taken, why, cost_usd, closed_for_ms, waits_ms }) => (
      <li key={target} className="row wrap">
        <Badge tone={taken ? 'good' : 'plain'}>{taken ? 'asked' : 'not asked'}</Badge>
        <b>{target}</b>
        <span className="muted">
          {why}
          {cost_usd !== null && ` · about ${usd(cost_usd)}`}
          {closed_for_ms > 0 && ` · closed for ${duration(closed_for_ms)}`}
          {waits_ms > 0 && ` · would wait ${duration(waits_ms)}`}
        </span>
      </li>
    ))}
  </ol>
);
