/** Macros expand as in Grafana's ClickHouse data source. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandMacros } from '../../dashboards/macros.ts';

const choices = {
  from: 100,
  to: 200,
  intervalSeconds: 30,
  variables: { tenant: 'all', run: ["a'b\\"], outcome: ['ok', 'timeout'] },
} as const;
const expand = (sql: string): string => expandMacros(sql, choices);

test.each([
  ['$__timeFilter(minute)', 'minute >= toDateTime(100) AND minute <= toDateTime(200)'],
  ['$__timeFilter_ms(p.ts)', 'p.ts >= fromUnixTimestamp64Milli(100000) AND p.ts <= fromUnixTimestamp64Milli(200000)'],
  ['$__timeInterval(hour) AS time', 'toStartOfInterval(toDateTime(hour), INTERVAL 30 second) AS time'],
  ['$__timeInterval_ms(ts)', 'toStartOfInterval(toDateTime64(ts, 3), INTERVAL 30000 millisecond)'],
  ["dateDiff('hour', $__fromTime, $__toTime)", "dateDiff('hour', toDateTime(100), toDateTime(200))"],
  ['run_id = ${run:singlequote}', "run_id = 'a\\'b\\\\'"],
  ['$__conditionalAll(tenant_id IN (${tenant:singlequote}), $tenant) AND 1', '1=1 AND 1'],
  ['($__conditionalAll(f(a, b) IN (${outcome:singlequote}), $outcome))', "(f(a, b) IN ('ok','timeout'))"],
  ['$__conditionalAll($__timeFilter(x), $outcome)', 'x >= toDateTime(100) AND x <= toDateTime(200)'],
])('%s', (sql, expanded) => expect(expand(sql)).toBe(expanded));

test.each([
  ['$__nothing(x)', 'There is no macro $__nothing.'],
  ['${nobody:singlequote}', 'There is no variable nobody.'],
  ['$__conditionalAll(1, $nobody)', 'There is no variable nobody.'],
  ['$__timeFilter(x', 'A parenthesis is not closed'],
  ['x IN (${tenant:singlequote})', 'All of tenant is not a list'],
])('%s is refused', (sql, message) => expect(() => expand(sql)).toThrow(message));

test('a value stays inside its quotes, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      const sql = expandMacros('${run:singlequote}', { ...choices, variables: { run: [value] } });
      expect(sql.slice(1, -1).replace(/\\[\\']/g, '')).not.toMatch(/[\\']/);
      expect(sql.slice(1, -1).replace(/\\([\\'])/g, '$1')).toBe(value);
    }),
    { numRuns: process.env.HINDCAST_LONG ? 20_000 : 200 },
  );
});
