/** One exchange: who was asked when and why, what was said, what it cost. */
import './exchange.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { mayActAs, query, session } from '../api/queries.ts';
import { CopyButton } from '../parts/buttons.tsx';
import { Loaded } from '../parts/feedback.tsx';
import { Icon } from '../parts/icons.tsx';
import { Outcome } from '../parts/outcome.tsx';
import { type Figure, PageHead, Panel, Strip } from '../parts/panel.tsx';
import { type Pane, Tabs } from '../parts/tabs.tsx';
import { Json } from '../parts/text.tsx';
import { confidence, count, dateTime, duration, usd } from '../text/format.ts';
import { Attempts } from './attempts.tsx';
import { Conversation } from './conversation.tsx';
import { curlOf } from './curl.ts';
import { Details } from './details.tsx';
import { judgements, LabelButtons, useLabel } from './label.tsx';
import { readable, usePayload } from './payload.ts';
import { type ExchangeDetail, thresholdOf } from './waterfall.ts';
import { WaterfallChart } from './waterfall-chart.tsx';

const here = getRouteApi('/exchanges/$id');

export function ExchangePage() {
  const { id } = here.useParams();
  const found = useQuery({ ...query('getExchange', { params: { id } }), retry: 3, retryDelay: 1_000 });
  return (
    <div className="content">
      <Loaded query={found}>{exchange => <ExchangeView exchange={exchange} />}</Loaded>
    </div>
  );
}

function ExchangeView({ exchange }: { readonly exchange: ExchangeDetail }) {
  const { data: who } = useQuery(session);
  const maySeeTexts = mayActAs(who?.role ?? 'viewer', 'analyst') && exchange.payload_state !== 'none';
  const { tab } = here.useSearch();
  const navigate = here.useNavigate();
  const panes: readonly Pane[] = [
    ...(maySeeTexts ? [{ id: 'conversation', title: 'Conversation', content: () => <Conversation exchange={exchange} /> }] : []),
    {
      id: 'attempts',
      title: `Attempts (${exchange.attempt_list.length})`,
      content: () => <Attempts exchange={exchange} maySeeTexts={maySeeTexts} />,
    },
    { id: 'details', title: 'Details', content: () => <Details exchange={exchange} /> },
    { id: 'policy', title: 'Policy and log', content: () => <Log exchange={exchange} /> },
  ];
  const shown = panes.find(({ id }) => id === tab)?.id ?? panes[0]!.id;
  useEffect(() => {
    document.title = `${exchange.route} ${exchange.outcome} · Hindcast`;
  }, [exchange]);
  return (
    <>
      <Head exchange={exchange} maySeeTexts={maySeeTexts} />
      <Strip figures={figuresOf(exchange)} />
      <Panel title="Waterfall" actions={<span className="muted">from the arrival of the request</span>}>
        <WaterfallChart exchange={exchange} />
      </Panel>
      {exchange.error_message !== null && exchange.error_message !== '' && (
        <div className="problem">
          {exchange.error_type}: {exchange.error_message}
        </div>
      )}
      <Tabs label="Exchange" panes={panes} value={shown} onChange={next => void navigate({ search: { tab: next }, replace: true })} />
    </>
  );
}

function Head({ exchange, maySeeTexts }: { readonly exchange: ExchangeDetail; readonly maySeeTexts: boolean }) {
  const { data: who } = useQuery(session);
  const mayLabel = mayActAs(who?.role ?? 'viewer', 'analyst');
  return (
    <>
      <PageHead
        title={
          <span className="row wrap">
            <Link to="/traffic" className="muted">
              Traffic
            </Link>
            <span className="muted">/</span>
            {exchange.route}
            <Outcome outcome={exchange.outcome} errorType={exchange.error_type} />
          </span>
        }
        sub={dateTime(exchange.received_at)}
      >
        {maySeeTexts && (
          <Link className="button" to="/playground" search={{ from: exchange.id, targets: exchange.route }}>
            <Icon name="playground" />
            Ask again
          </Link>
        )}
        {maySeeTexts && <CurlButton exchange={exchange} />}
        <CopyButton label="Copy id" text={exchange.id} />
      </PageHead>
      {mayLabel && exchange.outcome === 'ok' && (
        <div className="row wrap">
          <span className="muted">This answer is</span>
          <LabelButtons exchange={exchange.id} />
          <LabelKeys exchange={exchange.id} />
        </div>
      )}
    </>
  );
}

function LabelKeys({ exchange }: { readonly exchange: string }) {
  const { judge } = useLabel(exchange);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        (event.target as HTMLElement).closest('input, textarea, select, [contenteditable]')
      )
        return;
      const judgement = judgements.find(({ key }) => key === event.key);
      if (judgement) judge(judgement.value);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [judge]);
  return null;
}

function CurlButton({ exchange }: { readonly exchange: ExchangeDetail }) {
  const { data } = usePayload(exchange.id, 0, true);
  if (!data) return null;
  return (
    <CopyButton
      label="Copy as curl"
      text={() => curlOf(location.origin, exchange.dialect, exchange.operation, readable(data.request, data.encoding))}
    />
  );
}

function figuresOf(exchange: ExchangeDetail): readonly Figure[] {
  const first = exchange.attempt_list[0];
  const threshold = first && thresholdOf(exchange, first.step);
  const answered = exchange.provider === '' ? '–' : `${exchange.provider}/${exchange.response_model || exchange.model}`;
  return [
    { name: 'Answered by', value: answered },
    {
      name: 'Latency',
      value: duration(exchange.latency_ms),
      note: exchange.ttft_ms === null ? '' : `first token ${duration(exchange.ttft_ms)}`,
    },
    {
      name: 'Tokens',
      value: `${count(exchange.input_tokens)} → ${count(exchange.output_tokens)}`,
      note: exchange.cached_tokens > 0 ? `${count(exchange.cached_tokens)} cached` : '',
    },
    { name: 'Cost', value: usd(exchange.cost_usd), note: exchange.saved_usd > 0 ? `${usd(exchange.saved_usd)} saved` : '' },
    ...(threshold
      ? [{ name: 'First answer’s confidence', value: confidence(first.confidence), note: `accepted from ${threshold.atLeast}` }]
      : []),
    {
      name: 'Gateway itself',
      value: duration(exchange.overhead_us / 1_000),
      note: exchange.queued_ms > 0 ? `queued ${duration(exchange.queued_ms)}` : '',
    },
  ];
}

const Log = ({ exchange: { policy, events } }: { readonly exchange: ExchangeDetail }) => (
  <div className="side-by-side">
    <Panel title="The route’s policy when the request arrived">
      <Json value={policy} />
    </Panel>
    <Panel title="The router’s log">{events === null ? <p className="muted">Shown to analysts.</p> : <Json value={events} />}</Panel>
  </div>
);
