/** One target's answer as it comes; then what it cost, what was lost, and the way to its exchange. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { Badge, type Tone } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { Text } from '../parts/text.tsx';
import { count, duration, usd } from '../text/format.ts';
import type { Asked } from './ask.ts';

const tones: Readonly<Record<Asked['state'], Tone>> = { waiting: 'plain', streaming: 'accent', done: 'good', failed: 'bad' };

/** The record is asked for when the answer is whole. */
export function Answer({ asked }: { readonly asked: Asked }) {
  const { target, state, text, firstMs, totalMs, exchange } = asked;
  return (
    <Panel title={target} actions={<Badge tone={tones[state]}>{state}</Badge>}>
      <div className="stack" aria-live="polite">
        {text === '' ? <p className="muted">{state === 'done' ? 'No text.' : 'Nothing yet.'}</p> : <Text text={text} />}
        <p className="muted">
          first token {duration(firstMs)} · whole {duration(totalMs)}
        </p>
        {exchange !== '' && (state === 'done' || state === 'failed') && <Recorded id={exchange} />}
      </div>
    </Panel>
  );
}

function Recorded({ id }: { readonly id: string }) {
  const { data } = useQuery({
    queryKey: ['recorded', id],
    queryFn: async ({ signal }) => {
      await call('flush', { signal });
      return call('getExchange', { params: { id }, signal });
    },
    retry: 4,
    retryDelay: 700,
  });
  return (
    <div className="row wrap">
      {data && (
        <>
          <span>
            {data.provider}/{data.model}
          </span>
          <span>
            {count(data.input_tokens)} → {count(data.output_tokens)} tokens
          </span>
          <b>{usd(data.cost_usd)}</b>
          {data.escalations > 0 && <Badge tone="note">escalated</Badge>}
          {data.warnings.length > 0 && <Badge tone="warn">{data.warnings.join('; ')}</Badge>}
        </>
      )}
      <Link to="/exchanges/$id" params={{ id }}>
        Open the exchange
      </Link>
    </div>
  );
}
