/** Expands Grafana's macros and variables as its ClickHouse data source does, so that tests run a panel's query without Grafana. */

export interface QueryContext {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Between two points of a time series. */
  readonly intervalSeconds: number;
  /** The selected values by variable. */
  readonly variables: Readonly<Record<string, 'all' | readonly string[]>>;
}

/** By macro name, its SQL for the trimmed arguments. */
const macros: Readonly<Record<string, (choices: QueryContext, ...args: readonly string[]) => string>> = {
  timeFilter: ({ from, to }, column) => `${column} >= toDateTime(${from}) AND ${column} <= toDateTime(${to})`,
  timeFilter_ms: ({ from, to }, column) =>
    `${column} >= fromUnixTimestamp64Milli(${from * 1000}) AND ${column} <= fromUnixTimestamp64Milli(${to * 1000})`,
  timeInterval: ({ intervalSeconds }, column) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${intervalSeconds} second)`,
  timeInterval_ms: ({ intervalSeconds }, column) =>
    `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${intervalSeconds * 1000} millisecond)`,
  fromTime: ({ from }) => `toDateTime(${from})`,
  toTime: ({ to }) => `toDateTime(${to})`,
  conditionalAll: ({ variables }, condition, variable) =>
    selectedValues(variables, variable?.replace('$', '')) === 'all' ? '1=1' : (condition ?? ''),
};

/** The SQL without macros and variables. Throws for an unknown macro or variable. */
export function expandMacros(sql: string, choices: QueryContext): string {
  // From last to first: macros in arguments are then already expanded.
  for (let at = sql.lastIndexOf('$__'); at >= 0; at = sql.lastIndexOf('$__')) {
    const name = /^\w+/.exec(sql.slice(at + '$__'.length))?.[0] ?? '';
    const expand = macros[name];
    if (!expand) throw new Error(`There is no macro $__${name}.`);
    const { args, end } = argumentsAt(sql, at + '$__'.length + name.length);
    sql = sql.slice(0, at) + expand(choices, ...args) + sql.slice(end);
  }
  return sql.replace(/\$\{(\w+):singlequote\}/g, (_, name: string) => {
    const values = selectedValues(choices.variables, name);
    if (values === 'all') throw new Error(`All of ${name} is not a list: put $__conditionalAll around it.`);
    return values.map(quoted).join(',');
  });
}

function selectedValues(variables: QueryContext['variables'], name = ''): 'all' | readonly string[] {
  const values = variables[name];
  if (!values) throw new Error(`There is no variable ${name}.`);
  return values;
}

const quoted = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`;

/** The arguments in the parentheses that open at `start`, split at the outermost commas; [] when none opens there. */
function argumentsAt(sql: string, start: number): { readonly args: readonly string[]; readonly end: number } {
  if (sql[start] !== '(') return { args: [], end: start };
  const args: string[] = [];
  let [depth, from] = [0, start + 1];
  for (let at = start; at < sql.length; at++) {
    const sign = sql[at];
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    if (depth === 0 || (depth === 1 && sign === ',')) {
      args.push(sql.slice(from, at).trim());
      from = at + 1;
    }
    if (depth === 0) return { args, end: at + 1 };
  }
  throw new Error(`A parenthesis is not closed: ${sql.slice(start)}`);
}
