/** What the list of exchanges can show of each. */
import { columnVisibilityFeature, createColumnHelper, tableFeatures } from '@tanstack/react-table';
import { Badge, Outcome } from '../parts/outcome.tsx';
import { clockTime, confidence, count, dateTime, duration, usd } from '../text/format.ts';
import type { Exchange } from './exchanges.ts';

export const features = tableFeatures({ columnVisibilityFeature });
const helper = createColumnHelper<typeof features, Exchange>();

/** Least width of each column in pixels, and its share of what is left. */
const sizes: Readonly<Record<string, readonly [number, number?]>> = {
  ...{
    time: [64],
    outcome: [112],
    route: [110, 1],
    answered: [150, 1.2],
    path: [96],
    latency: [130],
    ttft: [80],
    tokens: [92],
    cost: [84],
  },
  ...{
    confidence: [56],
    tags: [150, 1.6],
    tenant: [80, 0.5],
    project: [80, 0.5],
    key: [90, 0.5],
    user: [56, 0.4],
    conversation: [100, 0.6],
  },
  ...{ dialect: [110], finish: [70], id: [280] },
};

const gap = 12;

/** Of a row that shows these columns, as a grid takes them, and its least width in pixels. */
export function layoutOf(ids: readonly string[]): { readonly template: string; readonly leastWidth: number } {
  const chosen = ids.map(id => sizes[id] ?? [90]);
  return {
    template: chosen.map(([least, share]) => (share === undefined ? `${least}px` : `minmax(${least}px, ${share}fr)`)).join(' '),
    leastWidth: chosen.reduce((sum, [least]) => sum + least + gap, 28),
  };
}

/** At first; the others are there to choose. */
export const hiddenAtFirst: Readonly<Record<string, boolean>> = Object.fromEntries(
  ['ttft', 'tenant', 'project', 'key', 'user', 'conversation', 'dialect', 'finish', 'id'].map(name => [name, false]),
);

export const columns = helper.columns([
  helper.accessor('received_at', {
    id: 'time',
    header: 'Time',
    cell: ({ getValue }) => (
      <time dateTime={getValue()} title={dateTime(getValue())}>
        {clockTime(getValue())}
      </time>
    ),
  }),
  helper.accessor('outcome', {
    id: 'outcome',
    header: 'Outcome',
    cell: ({ row: { original } }) => <Outcome outcome={original.outcome} errorType={original.error_type} />,
  }),
  helper.accessor('route', { id: 'route', header: 'Route', cell: ({ getValue }) => <b className="cut">{getValue()}</b> }),
  helper.accessor('model', {
    id: 'answered',
    header: 'Answered by',
    cell: ({ row: { original } }) => <span className="cut">{answeredBy(original)}</span>,
  }),
  helper.accessor('attempts', { id: 'path', header: 'Path', cell: ({ row: { original } }) => <Path exchange={original} /> }),
  helper.accessor('latency_ms', { id: 'latency', header: 'Latency', cell: ({ row: { original } }) => <Latency exchange={original} /> }),
  helper.accessor('ttft_ms', { id: 'ttft', header: 'First token', cell: ({ getValue }) => duration(getValue()) }),
  helper.accessor('input_tokens', {
    id: 'tokens',
    header: 'Tokens',
    cell: ({ row: { original } }) => `${count(original.input_tokens)} → ${count(original.output_tokens)}`,
  }),
  helper.accessor('cost_usd', { id: 'cost', header: 'Cost', cell: ({ getValue }) => usd(getValue()) }),
  helper.accessor('confidence', { id: 'confidence', header: 'Confid.', cell: ({ getValue }) => confidence(getValue()) }),
  helper.accessor('tags', { id: 'tags', header: 'Tags', cell: ({ getValue }) => <span className="cut muted">{tagText(getValue())}</span> }),
  helper.accessor('tenant', { id: 'tenant', header: 'Tenant' }),
  helper.accessor('project', { id: 'project', header: 'Project' }),
  helper.accessor('key', { id: 'key', header: 'Key' }),
  helper.accessor('user', { id: 'user', header: 'User' }),
  helper.accessor('conversation', { id: 'conversation', header: 'Conversation' }),
  helper.accessor('dialect', { id: 'dialect', header: 'Format' }),
  helper.accessor('finish_reason', { id: 'finish', header: 'Finish' }),
  helper.accessor('id', { id: 'id', header: 'Id', cell: ({ getValue }) => <code>{getValue()}</code> }),
]);

/** `provider/model`; the requested model when nobody was asked. */
export const answeredBy = ({ provider, model, requested_model }: Exchange): string =>
  provider === '' ? requested_model : `${provider}/${model}`;

/** `name=value` of each tag. */
export const tagText = (tags: Exchange['tags']): string =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join('  ');

/** What was not a single call of the first target. */
export function Path({ exchange: { attempts, escalations, fallbacks, hedged, cache } }: { readonly exchange: Exchange }) {
  const retries = attempts - 1 - escalations - fallbacks - (hedged ? 1 : 0);
  return (
    <span className="row" style={{ gap: 4 }}>
      {escalations > 0 && <Badge tone="note">escalated</Badge>}
      {fallbacks > 0 && <Badge tone="warn">fallback</Badge>}
      {hedged && <Badge tone="accent">hedged</Badge>}
      {retries > 0 && <Badge tone="warn">{retries === 1 ? 'retried' : `${retries} retries`}</Badge>}
      {cache === 'hit' && <Badge>cached</Badge>}
    </span>
  );
}

const fullBarMs = 4_000;

/** The dark part is the time to the first content. */
export function Latency({ exchange: { latency_ms, ttft_ms } }: { readonly exchange: Exchange }) {
  const share = (ms: number): string => `${Math.min(100, (ms / fullBarMs) * 100)}%`;
  return (
    <span className="latency">
      <span>{duration(latency_ms)}</span>
      <i aria-hidden="true">
        <i style={{ width: share(latency_ms) }} />
        <i className="first" style={{ width: share(ttft_ms ?? latency_ms) }} />
      </i>
    </span>
  );
}
