/** Errors, limits and latency of each provider and target. */
import type { Board } from '../board.ts';

export const providers: Board = {
  uid: 'hindcast-providers',
  title: 'Hindcast / Providers',
  variables: ['datasource', 'prometheus', 'tenant', 'route', 'model', 'provider', 'config'],
  panels: [
    {
      title: 'Providers and models',
      description: 'Attempts, failures, latency and cost; aborted attempts are no failures.',
      query: 'providers/summary.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { failed: 'percentunit', p95_ms: 'ms', cost: 'currencyUSD' },
    },
    {
      title: 'Failed attempts by provider and status',
      description: 'Status 0 is an attempt without a response.',
      query: 'providers/errors.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
      stacked: true,
    },
    {
      title: 'Rate limits',
      description: 'Attempts that a provider answered with 429, by key.',
      query: 'providers/rate_limited.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { share: 'percentunit', longest_wait: 'ms' },
    },
    {
      title: 'Latency by target, p95',
      description: 'Of successful attempts.',
      query: 'providers/latency.sql',
      type: 'timeseries',
      unit: 'ms',
      width: 12,
    },
    {
      title: 'Time to first token by target, p95',
      description: 'Of successful attempts.',
      query: 'providers/first_token.sql',
      type: 'timeseries',
      unit: 'ms',
      width: 12,
    },
    {
      title: 'Provider keys that rest',
      description: 'Keys that a provider refused or limited, and that are not used for a while.',
      query: 'providers/resting.promql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Requests that wait for rate limits',
      description: 'Seconds of waiting per second: the number of requests that wait at any time.',
      query: 'providers/waiting.promql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
    },
  ],
};
