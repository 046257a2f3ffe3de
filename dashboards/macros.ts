/** Grafana's macros and variables written out, so that a panel's query runs without Grafana. */

export interface Window {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly tenants: readonly string[];
}

const intervalSeconds = 60;

export function expandMacros(sql: string, { from, to, tenants }: Window): string {
  const quoted = tenants.map(tenant => `'${tenant.replace(/[\\']/g, '\\$&')}'`).join(',');
  return sql
    .replace(
      /\$__timeFilter_ms\((\w+)\)/g,
      `$1 >= fromUnixTimestamp64Milli(${from * 1000}) AND $1 <= fromUnixTimestamp64Milli(${to * 1000})`,
    )
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${from}) AND $1 <= toDateTime(${to})`)
    .replace(/\$__timeInterval(?:_ms)?\((\w+)\)/g, `toStartOfInterval(toDateTime($1), INTERVAL ${intervalSeconds} second)`)
    .replaceAll('${tenant:singlequote}', quoted);
}
