/** Everything else that the record knows of an exchange; every name is a filter of the traffic. */
import { Link } from '@tanstack/react-router';
import { CopyButton } from '../parts/buttons.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { bytes, count, dateTime, duration, usd } from '../text/format.ts';
import type { TrafficSearch } from '../traffic/filters.ts';
import type { ExchangeDetail } from './waterfall.ts';

const Found = ({ search, children }: { readonly search: TrafficSearch; readonly children: string }) =>
  children === '' ? null : (
    <Link to="/traffic" search={{ since: '', ...search }}>
      {children}
    </Link>
  );

const link = (name: keyof TrafficSearch, value: string): React.ReactNode =>
  value === '' ? '' : <Found search={{ [name]: value }}>{value}</Found>;

export function Details({ exchange }: { readonly exchange: ExchangeDetail }) {
  return (
    <div className="side-by-side">
      <Panel title="Caller">
        <Facts facts={callerFacts(exchange)} />
      </Panel>
      <Panel title="Answer and cost">
        <Facts facts={answerFacts(exchange)} />
      </Panel>
      <Panel title="Provenance">
        <Facts facts={provenance(exchange)} />
      </Panel>
      <Scores exchange={exchange} />
    </div>
  );
}

type FactRows = readonly (readonly [string, React.ReactNode])[];

const callerFacts = (exchange: ExchangeDetail): FactRows => [
  ['Tenant', link('tenant', exchange.tenant)],
  ['Project', link('project', exchange.project)],
  ['Key', link('key', exchange.key)],
  ['User', link('user', exchange.user)],
  ['Conversation', link('conversation', exchange.conversation)],
  ['Asked for', link('model', exchange.requested_model)],
  ['Route', link('route', exchange.route)],
  ['Variant', exchange.variant],
  ['Format', `${exchange.dialect}, ${exchange.operation}${exchange.stream ? ', streamed' : ''}`],
  [
    'Tags',
    Object.keys(exchange.tags).length === 0 ? (
      ''
    ) : (
      <span className="row wrap" key="tags">
        {Object.entries(exchange.tags).map(([name, value]) => (
          <Found key={name} search={{ tag: `${name}=${value}` }}>{`${name}=${value}`}</Found>
        ))}
      </span>
    ),
  ],
  ['Caller’s id', exchange.caller_request_id],
];

const answerFacts = (exchange: ExchangeDetail): FactRows => [
  ['Status', `${exchange.status || 'none'} ${exchange.outcome}`],
  ['Finish', exchange.finish_reason],
  [
    'Time',
    `${duration(exchange.latency_ms)} in all, ${duration(exchange.upstream_ms)} at providers, held ${duration(exchange.held_ms)}, queued ${duration(exchange.queued_ms)}`,
  ],
  [
    'Tokens',
    `${count(exchange.input_tokens)} in, of these ${count(exchange.cached_tokens)} cached; ${count(exchange.output_tokens)} out, of these ${count(exchange.reasoning_tokens)} reasoning`,
  ],
  ['Counted by', exchange.usage_source],
  ['Cost', usd(exchange.cost_usd)],
  ['Price', exchange.price_id === '' ? '' : <code key="price">{exchange.price_id}</code>],
  ['Prompt cache', exchange.cache],
  ['Bytes', `${bytes(exchange.request_bytes)} in, ${bytes(exchange.response_bytes)} out in ${count(exchange.delivered_events)} pieces`],
];

const provenance = (exchange: ExchangeDetail): FactRows => [
  ['Received', dateTime(exchange.received_at)],
  ['Id', <code key="id">{exchange.id}</code>],
  ['Config', <code key="config">{exchange.config_hash}</code>],
  [
    'Trace',
    exchange.trace_id === '' ? (
      ''
    ) : (
      <span className="row" key="trace">
        <code className="cut">{exchange.trace_id}</code>
        <CopyButton kind="quiet" label="Copy" text={exchange.trace_id} />
      </span>
    ),
  ],
  ['Delivered', exchange.delivered_sha256 === '' ? '' : <code key="sha">{exchange.delivered_sha256}</code>],
  ['Payload', exchange.payload_state],
  ['Run', link('run', exchange.run)],
  ['Arm', exchange.arm],
  [
    'Replay of',
    exchange.replay_of === '' ? (
      ''
    ) : (
      <Link key="of" to="/exchanges/$id" params={{ id: exchange.replay_of }}>
        {exchange.replay_of}
      </Link>
    ),
  ],
  ['Losses', exchange.warnings.join('; ')],
  ['Flags', exchange.flags.join(', ')],
];

const Scores = ({ exchange: { scores } }: { readonly exchange: ExchangeDetail }) => (
  <Panel title="Scores">
    {scores.length === 0 ? (
      <p className="muted">Nobody has judged this answer.</p>
    ) : (
      <ul className="stack">
        {scores.map(({ name, source, value, evaluator, label, explanation }) => (
          <li key={`${name} ${source} ${evaluator}`} className="row wrap">
            <b>{name}</b> <Badge tone={value >= 0.5 ? 'good' : 'bad'}>{value}</Badge>
            <span className="muted">
              {source}
              {evaluator === '' ? '' : `, ${evaluator}`}
              {label ? `, ${label}` : ''}
            </span>
            {explanation && <span>{explanation}</span>}
          </li>
        ))}
      </ul>
    )}
  </Panel>
);
