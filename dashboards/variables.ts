/** The variables that users of a dashboard can select. */
import type { VariableName } from './board.ts';
import type { JsonObject } from './json.ts';

export const store = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' } as const;
export const prometheus = { type: 'prometheus', uid: '${prometheus}' } as const;

/** The queries of the variables, which tests run as well. */
export const variableQueries = {
  tenant: 'SELECT DISTINCT tenant_id FROM usage_1h ORDER BY tenant_id LIMIT 1000',
  run: 'SELECT run_id FROM runs FINAL ORDER BY created_at DESC LIMIT 200',
} as const;

/** The values of `requests.outcome` in the store. */
export const outcomes = [
  ...['ok', 'client_error', 'upstream_error', 'timeout', 'cancelled'],
  ...['rate_limited', 'budget', 'internal', 'truncated'],
] as const;

/** "All" includes tenants that come later, and rows without a tenant, so it is not a list. */
const selectAll = { includeAll: true, multi: true, current: { text: 'All', value: '$__all' } } as const;
const onDashboardLoad = 1;
const onTimeRangeChange = 2;

export const variables: Readonly<Record<VariableName, JsonObject>> = {
  datasource: { name: 'datasource', label: 'Store', type: 'datasource', query: store.type },
  prometheus: { name: 'prometheus', label: 'Prometheus', type: 'datasource', query: prometheus.type },
  tenant: {
    name: 'tenant',
    label: 'Tenant',
    type: 'query',
    datasource: store,
    query: variableQueries.tenant,
    refresh: onDashboardLoad,
    ...selectAll,
  },
  outcome: { name: 'outcome', label: 'Outcome', type: 'custom', query: outcomes.join(','), ...selectAll },
  run: { name: 'run', label: 'Run', type: 'query', datasource: store, query: variableQueries.run, refresh: onTimeRangeChange },
};
