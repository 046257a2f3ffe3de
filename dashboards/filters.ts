/** The conditions of a board's filter variables. A query says `$filters` (of `live_requests`) or `$attempt_filters` (of `attempts`). */

/** By variable, its column in `requests`. */
export const filterColumns = {
  tenant: 'tenant_id',
  project: 'project_id',
  key: 'api_key_id',
  route: 'route',
  model: 'model',
  provider: 'provider',
  environment: 'environment',
  config: 'config_hash',
} as const;

/** Attempts have no key and no environment. */
const attemptFilters: readonly string[] = ['tenant', 'route', 'model', 'provider', 'config'];

const condition = ([variable, column]: readonly [string, string]): string =>
  `$__conditionalAll(${column} IN (\${${variable}:singlequote}), $${variable})`;

/** A tag is written as `name=value`; empty selects everything. */
const tagCondition =
  "(${tag:singlequote} = '' OR tags[splitByString('=', ${tag:singlequote}, 2)[1]] = splitByString('=', ${tag:singlequote}, 2)[2])";

/** The SQL with its filters written out. */
export function expandFilters(sql: string): string {
  const all = Object.entries(filterColumns);
  return sql
    .replaceAll('$filters', () => [...all.map(condition), tagCondition].join(' AND '))
    .replaceAll('$attempt_filters', () =>
      all
        .filter(([variable]) => attemptFilters.includes(variable))
        .map(condition)
        .join(' AND '),
    );
}
