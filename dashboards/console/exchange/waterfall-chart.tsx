/** Every attempt of an exchange as a row over time. */
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { Badge, Dot, type Tone, toneOf } from '../parts/outcome.tsx';
import { duration, usd } from '../text/format.ts';
import { type Attempt, beginOf, type ExchangeDetail, endOf, type Span, spanOfAll, spansOf, ticksOf } from './waterfall.ts';

const tones: Readonly<Record<string, Tone>> = {
  retry: 'warn',
  fallback: 'warn',
  escalation: 'note',
  hedge: 'accent',
  shadow: 'plain',
  judge: 'plain',
};

export function WaterfallChart({ exchange }: { readonly exchange: ExchangeDetail }) {
  const total = spanOfAll(exchange);
  return (
    <div className="waterfall">
      <div className="axis" aria-hidden="true">
        <span />
        <span className="ticks">
          {ticksOf(total).map(({ ms, label }) => (
            <i key={ms} style={{ left: `${(ms / total) * 100}%` }} className={ms / total > 0.92 ? 'last' : ''}>
              {label}
            </i>
          ))}
        </span>
      </div>
      <ol>
        {exchange.queued_ms > 0 && (
          <Row
            name="queue"
            note="waited for a provider's rate limit"
            bars={[{ kind: 'waiting', fromMs: 0, toMs: exchange.queued_ms }]}
            total={total}
          />
        )}
        {exchange.attempt_list.map(attempt => (
          <AttemptRow key={attempt.number} exchange={exchange} attempt={attempt} total={total} />
        ))}
        {exchange.held_ms > 0 && (
          <Row name="hold" note={`content lay ready for ${duration(exchange.held_ms)} until it was accepted`} bars={[]} total={total} />
        )}
      </ol>
      <Legend />
    </div>
  );
}

function AttemptRow({
  exchange,
  attempt,
  total,
}: {
  readonly exchange: ExchangeDetail;
  readonly attempt: Attempt;
  readonly total: number;
}) {
  const { number, kind, target, served_model, model } = attempt;
  const tone = attempt.outcome === 'ok' && !attempt.accepted ? 'warn' : toneOf(attempt.outcome);
  return (
    <Row
      name={
        <Link to="/exchanges/$id" params={{ id: exchange.id }} search={{ tab: 'attempts' }} hash={`attempt-${number}`} className="row">
          <Dot tone={tone} />
          <b className="cut">{target}</b>
          <Badge tone={tones[kind] ?? 'plain'}>{kind}</Badge>
        </Link>
      }
      note={
        <Fragment>
          <span>{beginOf(attempt)}</span>
          <span className={`end ${tone}`}>{endOf(exchange, attempt)}</span>
          <span>
            {duration(attempt.duration_ms)} · first byte {duration(attempt.ttfb_ms)} · first token {duration(attempt.ttft_ms)} ·{' '}
            {attempt.chunks} chunks · {usd(attempt.cost_usd)}
            {served_model !== '' && served_model !== model && ` · served by ${served_model}`}
          </span>
        </Fragment>
      }
      bars={spansOf(attempt)}
      total={total}
    />
  );
}

interface RowProps {
  readonly name: React.ReactNode;
  readonly note: React.ReactNode;
  readonly bars: readonly Span[];
  readonly total: number;
}

function Row({ name, note, bars, total }: RowProps) {
  return (
    <li className="fall">
      <span className="name">{name}</span>
      <span className="track" aria-hidden="true">
        {bars.map(({ kind, fromMs, toMs }) => (
          <i
            key={kind}
            className={kind}
            title={`${kind}: ${duration(toMs - fromMs)}`}
            style={{ left: `${(fromMs / total) * 100}%`, width: `max(2px, ${((toMs - fromMs) / total) * 100}%)` }}
          />
        ))}
      </span>
      <span className="why muted">{note}</span>
    </li>
  );
}

const Legend = () => (
  <p className="legend muted" aria-hidden="true">
    <i className="waiting" /> until the first byte
    <i className="thinking" /> until the first token
    <i className="writing" /> until the last byte
  </p>
);
