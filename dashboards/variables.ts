/** The variables that users of a dashboard can select. */
import type { VariableName } from './board.ts';
import { filterColumns } from './filters.ts';
import type { JsonObject } from './json.ts';

export const store = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' } as const;
export const prometheus = { type: 'prometheus', uid: '${prometheus}' } as const;

/** The queries of the variables, which tests run as well. */
export const variableQueries = {
  ...(Object.fromEntries(
    Object.entries(filterColumns).map(([name, column]) => [
      name,
      // The rollup has no configuration, and is far smaller than the requests.
      column === 'config_hash'
        ? 'SELECT config_hash FROM live_requests WHERE $__timeFilter_ms(ts) GROUP BY config_hash ORDER BY max(ts) DESC LIMIT 200'
        : `SELECT DISTINCT ${column} FROM usage_1h ORDER BY ${column} LIMIT 1000`,
    ]),
  ) as Readonly<Record<keyof typeof filterColumns, string>>),
  run: 'SELECT run_id FROM runs FINAL ORDER BY created_at DESC LIMIT 200',
} as const;

/** When requests first had each configuration, for the marks on every board. */
export const changesQuery =
  "SELECT min(ts) AS time, concat('configuration ', config_hash) AS text FROM live_requests WHERE $__timeFilter_ms(ts) GROUP BY config_hash ORDER BY time LIMIT 100";

/** The values of `requests.outcome` in the store. */
export const outcomes = [
  ...['ok', 'client_error', 'upstream_error', 'timeout', 'cancelled'],
  ...['rate_limited', 'budget', 'internal', 'truncated'],
] as const;

/** "All" includes tenants that come later, and rows without a tenant, so it is not a list. */
const selectAll = { includeAll: true, multi: true, current: { text: 'All', value: '$__all' } } as const;
const onDashboardLoad = 1;
const onTimeRangeChange = 2;

/** A list of values of the store; "All" by default. */
const filter = (name: keyof typeof filterColumns): JsonObject => ({
  name,
  label: `${name[0]!.toUpperCase()}${name.slice(1)}`,
  type: 'query',
  datasource: store,
  query: variableQueries[name],
  refresh: name === 'config' ? onTimeRangeChange : onDashboardLoad,
  ...selectAll,
});

const text = (name: string, label: string, value: string): JsonObject => ({
  ...{ name, label, type: 'textbox', query: value },
  current: { text: value, value },
});

export const variables: Readonly<Record<VariableName, JsonObject>> = {
  datasource: { name: 'datasource', label: 'Store', type: 'datasource', query: store.type },
  prometheus: { name: 'prometheus', label: 'Prometheus', type: 'datasource', query: prometheus.type },
  tenant: filter('tenant'),
  project: filter('project'),
  key: filter('key'),
  route: filter('route'),
  model: filter('model'),
  provider: filter('provider'),
  environment: filter('environment'),
  config: filter('config'),
  tag: text('tag', 'Tag (name=value)', ''),
  outcome: { name: 'outcome', label: 'Outcome', type: 'custom', query: outcomes.join(','), ...selectAll },
  run: { name: 'run', label: 'Run', type: 'query', datasource: store, query: variableQueries.run, refresh: onTimeRangeChange },
  console: text('console', 'Console', 'http://127.0.0.1:4000/console'),
  traces: text('traces', 'Traces', 'http://127.0.0.1:16686/trace'),
};
