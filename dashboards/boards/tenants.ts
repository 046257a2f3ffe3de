/** Usage, cost, failures and budgets by tenant, key and user. */
import type { Board } from '../board.ts';

export const tenants: Board = {
  uid: 'hindcast-tenants',
  title: 'Hindcast / Tenants',
  variables: ['datasource', 'prometheus', 'tenant'],
  panels: [
    {
      title: 'Tenants',
      description: 'In whole hours. The number of users is an estimate; failed excludes client errors and cancelled requests.',
      query: 'tenants/overview.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { failed: 'percentunit', cost: 'currencyUSD', p95_ms: 'ms' },
    },
    {
      title: 'Cost by tenant',
      description: 'Cost of all their requests.',
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
      description: "The tenants' keys with the highest cost, by name; empty without keys.",
      query: 'tenants/keys.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { cost: 'currencyUSD', per_request: 'currencyUSD' },
    },
    {
      title: 'End users',
      description: 'The users with the highest cost, by the user field of requests.',
      query: 'tenants/users.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { cost: 'currencyUSD' },
    },
    {
      title: 'Budget left',
      description: 'Of tenants, projects and keys with a budget, in the current period; requests in flight are reserved.',
      query: 'tenants/budgets.promql',
      type: 'timeseries',
      unit: 'currencyUSD',
      width: 24,
    },
  ],
};
