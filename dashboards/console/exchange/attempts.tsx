/** Each call of a provider: what was sent, what came back, what the translation lost. */
import { useState } from 'react';
import { CopyButton } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { Badge, Outcome } from '../parts/outcome.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { Json } from '../parts/text.tsx';
import { bytes, confidence, count, duration, usd } from '../text/format.ts';
import { readable, usePayload } from './payload.ts';
import { indented } from './turns.tsx';
import { type Attempt, beginOf, type ExchangeDetail, endOf } from './waterfall.ts';

export const Attempts = ({ exchange, maySeeTexts }: { readonly exchange: ExchangeDetail; readonly maySeeTexts: boolean }) => (
  <div className="stack">
    {exchange.attempt_list.map(attempt => (
      <AttemptPanel key={attempt.number} exchange={exchange} attempt={attempt} maySeeTexts={maySeeTexts} />
    ))}
  </div>
);

function AttemptPanel({
  exchange,
  attempt,
  maySeeTexts,
}: {
  readonly exchange: ExchangeDetail;
  readonly attempt: Attempt;
  readonly maySeeTexts: boolean;
}) {
  const [isOpen, setOpen] = useState(exchange.attempt_list.length === 1);
  return (
    <div id={`attempt-${attempt.number}`}>
      <Panel
        title={`${attempt.number}. ${attempt.target}`}
        actions={
          <>
            <Badge>{attempt.kind}</Badge>
            <Outcome outcome={attempt.outcome} errorType={attempt.error_type} />
            {maySeeTexts && (
              <button type="button" className="button quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
                {isOpen ? 'Hide bytes' : 'Show bytes'}
              </button>
            )}
          </>
        }
      >
        <div className="stack">
          <Facts facts={factsOf(exchange, attempt)} />
          <LossReport warnings={attempt.warnings} />
          {isOpen && maySeeTexts && <AttemptBytes id={exchange.id} attempt={attempt.number} />}
        </div>
      </Panel>
    </div>
  );
}

const factsOf = (exchange: ExchangeDetail, attempt: Attempt): readonly (readonly [string, React.ReactNode])[] => [
  ['Began', beginOf(attempt)],
  ['Ended', endOf(exchange, attempt)],
  ['Message', attempt.error_message],
  ['Signals', signalsOf(attempt)],
  [
    'Tokens',
    `${count(attempt.input_tokens)} in (${count(attempt.cached_tokens)} cached), ${count(attempt.output_tokens)} out (${count(attempt.reasoning_tokens)} reasoning)`,
  ],
  ['Cost', `${usd(attempt.cost_usd)}${attempt.price_id === '' ? '' : ` by price ${attempt.price_id}`}`],
  [
    'Bytes',
    `${bytes(attempt.request_bytes)} sent, ${bytes(attempt.response_bytes)} received in ${attempt.chunks} chunks over ${duration(attempt.duration_ms)}`,
  ],
  ['Provider’s id', attempt.provider_request_id === '' ? '' : <code key="id">{attempt.provider_request_id}</code>],
  ['Key', attempt.credential === '' ? '' : <code key="key">{attempt.credential}</code>],
  ['Flags', attempt.flags.join(', ')],
];

const signalsOf = ({ signals }: Attempt): React.ReactNode =>
  Object.entries(signals).length === 0 ? (
    ''
  ) : (
    <span className="signals">
      {Object.entries(signals).map(([name, value]) => (
        <span key={name}>
          <span className="muted">{name.replaceAll('_', ' ')}</span> {confidence(value)}
        </span>
      ))}
    </span>
  );

const LossReport = ({ warnings }: { readonly warnings: readonly string[] }) =>
  warnings.length === 0 ? (
    <p className="muted">Nothing was lost between the caller’s format and the provider’s.</p>
  ) : (
    <div className="hint warn">
      <ul>
        {warnings.map(warning => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </div>
  );

function AttemptBytes({ id, attempt }: { readonly id: string; readonly attempt: number }) {
  const payload = usePayload(id, attempt, true);
  return (
    <Loaded query={payload}>
      {({ request, response, encoding, chunks }) => (
        <div className="side-by-side">
          <div className="stack">
            <div className="row">
              <h3 className="grow">Request as it was sent</h3>
              <CopyButton kind="quiet" label="Copy" text={readable(request, encoding)} />
            </div>
            <Json value={indented(readable(request, encoding))} />
          </div>
          <div className="stack">
            <div className="row">
              <h3 className="grow">Answer as it came</h3>
              <CopyButton kind="quiet" label="Copy" text={readable(response, encoding)} />
            </div>
            <Json value={indented(readable(response, encoding))} />
            {chunks.length > 1 && <Arrivals chunks={chunks} />}
          </div>
        </div>
      )}
    </Loaded>
  );
}

/** When each chunk came, and how large it was. */
function Arrivals({ chunks }: { readonly chunks: readonly (readonly [number, number])[] }) {
  const last = Math.max(1, chunks.at(-1)![0]);
  const most = Math.max(1, ...chunks.map(([, size]) => size));
  return (
    <figure>
      <svg
        className="arrivals"
        viewBox="0 0 600 44"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${chunks.length} chunks over ${duration(last)}`}
      >
        {chunks.slice(0, 2_000).map(([at, size], i) => (
          <rect key={`${i}`} x={(at / last) * 597} width={1.6} y={44 - 6 - (size / most) * 36} height={6 + (size / most) * 36} />
        ))}
      </svg>
      <figcaption className="muted">
        Arrival of {count(chunks.length)} chunks over {duration(last)}; height is size
      </figcaption>
    </figure>
  );
}
