/** Filters of exchanges as they stand in the URL. Pure. */
import type { QueryFor } from '../api/client.ts';

export interface Filter {
  readonly name: FilterName;
  readonly label: string;
  readonly choices?: readonly string[];
  readonly hint?: string;
  readonly isNumber?: true;
}

const outcomes = [
  'ok',
  'client_error',
  'upstream_error',
  'timeout',
  'cancelled',
  'rate_limited',
  'budget',
  'internal',
  'truncated',
] as const;

export const filters = [
  { name: 'route', label: 'Route' },
  { name: 'model', label: 'Model', hint: 'as it answered or was asked for' },
  { name: 'provider', label: 'Provider' },
  { name: 'outcome', label: 'Outcome', choices: outcomes },
  { name: 'error_type', label: 'Kind of failure', hint: 'rate_limited' },
  { name: 'min_latency_ms', label: 'Latency from, ms', isNumber: true },
  { name: 'min_cost_usd', label: 'Cost from, USD', isNumber: true },
  { name: 'tag', label: 'Tag', hint: 'name=value' },
  { name: 'tenant', label: 'Tenant' },
  { name: 'project', label: 'Project' },
  { name: 'key', label: 'Key' },
  { name: 'user', label: 'User' },
  { name: 'conversation', label: 'Conversation' },
  { name: 'run', label: 'Run', hint: 'replayed traffic of it' },
] as const satisfies readonly {
  name: keyof QueryFor<'listExchanges'>;
  label: string;
  choices?: readonly string[];
  hint?: string;
  isNumber?: true;
}[];

export type FilterName = (typeof filters)[number]['name'];
export type TrafficSearch = { readonly [Name in FilterName | 'since' | 'text']?: string };

export const spans = [
  ['15m', '15 min'],
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
  ['', 'All'],
] as const;
export const defaultSpan = '24h';

const names: readonly (keyof TrafficSearch)[] = ['since', 'text', ...filters.map(({ name }) => name)];

/** What is no filter is left out. */
export function parseSearch(search: Readonly<Record<string, unknown>>): TrafficSearch {
  const given = names.flatMap(name => {
    const value = search[name];
    const text = typeof value === 'number' ? String(value) : value;
    return typeof text === 'string' && (text !== '' || name === 'since') && text.length <= 256 ? [[name, text] as const] : [];
  });
  return Object.fromEntries(given);
}

type Asked = Partial<QueryFor<'listExchanges'>>;

/** As the list of exchanges takes it. */
export function listQuery({ since = defaultSpan, ...rest }: TrafficSearch): Asked {
  return { ...(since === '' ? {} : { since }), ...rest } as Asked;
}

/** As the tail takes it; undefined when the tail cannot tell: it knows no texts and no runs. */
export function tailQuery({ since: _, text, run, ...rest }: TrafficSearch): Asked | undefined {
  return text === undefined && run === undefined ? (rest as Asked) : undefined;
}
