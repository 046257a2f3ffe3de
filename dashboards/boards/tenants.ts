/** Who uses how much, and how it went for them. */
import type { Board } from '../board.ts';

export const tenants: Board = {
  uid: 'hindcast-tenants',
  title: 'Hindcast / Tenants',
  variables: ['datasource', 'prometheus', 'tenant'],
  panels: [
    {
      title: 'Tenants',
      description: 'In whole hours. Users are estimated; failed leaves out what callers did wrong or left.',
      query: 'tenants/overview.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { failed: 'percentunit', cost: 'currencyUSD', p95_ms: 'ms' },
    },
    {
      title: 'Cost by tenant',
      description: 'Everything that was asked for them.',
      query: 'tenants/cost.sql',
      type: 'timeseries',
      unit: 'currencyUSD',
      width: 12,
      stacked: true,
    },
    {
      title: 'Failed share by tenant',
      description: 'Requests that failed for a reason other than the caller.',
      query: 'tenants/failed.sql',
      type: 'timeseries',
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Keys',
      description: "The tenants' keys that cost most, by their name in the configuration; empty without keys.",
      query: 'tenants/keys.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { cost: 'currencyUSD', per_request: 'currencyUSD' },
    },
    {
      title: 'End users',
      description: 'Those that cost most among the ones that requests name.',
      query: 'tenants/users.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { cost: 'currencyUSD' },
    },
    {
      title: 'Budget left',
      description: 'Of tenants, projects and keys with a budget, in its period; what is being asked just now is reserved.',
      query: 'tenants/budgets.promql',
      type: 'timeseries',
      unit: 'currencyUSD',
      width: 24,
    },
  ],
};
