/** Filters of the admin API as conditions in SQL. Values go in as parameters and never into the text. Pure. */
import { splitTag } from '../../gateway/admin/live/filter.ts';
import { RecordsFailure } from '../../gateway/admin/records.ts';

export interface Condition {
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A condition from SQL text and the parameters it names. */
export const condition = (sql: string, params: Readonly<Record<string, unknown>> = {}): Condition => ({ sql, params });

/** All of them; `1` when there are none. */
export function all(...conditions: readonly (Condition | undefined)[]): Condition {
  const present = conditions.filter(one => one !== undefined);
  return {
    sql: present.length === 0 ? '1' : present.map(({ sql }) => `(${sql})`).join(' AND '),
    params: Object.assign({}, ...present.map(({ params }) => params)),
  };
}

/** Undefined when the value is. */
export const equals = (column: string, name: string, value: string | undefined): Condition | undefined =>
  value === undefined ? undefined : condition(`${column} = {${name}: String}`, { [name]: value });

/** Rows of these tenants; undefined, which means all, when there is no list. */
export const inTenants = (tenants: readonly string[] | undefined): Condition | undefined =>
  tenants === undefined ? undefined : condition('tenant_id IN {tenants: Array(String)}', { tenants });

/** Rows with the tag `name=value`; undefined without a tag. */
export function hasTag(tag: string | undefined): Condition | undefined {
  if (tag === undefined) return undefined;
  const [name, value] = splitTag(tag);
  return condition('mapContains(tags, {tag_name: String}) AND tags[{tag_name: String}] = {tag_value: String}', {
    tag_name: name,
    tag_value: value,
  });
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since the epoch: a span before now, or a date; one without a zone is UTC. */
export function parseTime(text: string, now: number): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return Math.round(now - Number(amount) * unitMs[unit!]!);
  const at = Date.parse(text.includes('T') && !/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text);
  if (Number.isNaN(at)) throw new RecordsFailure('invalid', `${text} is no time.`);
  return at;
}

/** Rows from this time on: a duration before now, or a date. Undefined without a time. */
export const since = (column: string, text: string | undefined, now: number): Condition | undefined =>
  text === undefined ? undefined : condition(`${column} >= fromUnixTimestamp64Milli({since: Int64})`, { since: parseTime(text, now) });

/** Rows before this time: a duration before now, or a date. Undefined without a time. */
export const until = (column: string, text: string | undefined, now: number): Condition | undefined =>
  text === undefined ? undefined : condition(`${column} < fromUnixTimestamp64Milli({until: Int64})`, { until: parseTime(text, now) });

/** Words that all stand in the request or all in the answer; the index of `store.search` is read where there is one. */
export const hasText = (text: string | undefined, within: Condition): Condition | undefined =>
  text === undefined
    ? undefined
    : condition(
        `request_id IN (SELECT request_id FROM payloads WHERE attempt_no = 0 AND ${within.sql} AND ` +
          '(hasAllTokens(lower(request_body), lower({text: String})) OR hasAllTokens(lower(response_body), lower({text: String}))))',
        { ...within.params, text },
      );

/** What `next` holds: the keys of the last row of a page. */
export const cursorOf = (keys: readonly (string | number)[]): string => Buffer.from(JSON.stringify(keys)).toString('base64url');

/** The values of a cursor; undefined without one. Throws RecordsFailure `invalid` for any other text. */
export function parseCursor(text: string | undefined, types: readonly ('string' | 'number')[]): readonly (string | number)[] | undefined {
  if (text === undefined) return undefined;
  try {
    const keys = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
    if (Array.isArray(keys) && keys.length === types.length && keys.every((key, i) => typeof key === types[i])) return keys;
  } catch {
    // Said below.
  }
  throw noCursor();
}

const noCursor = (): RecordsFailure =>
  new RecordsFailure('invalid', 'after: this is no cursor of this list; it is `next` of the page before.');

/** The rows after the cursor in descending order of a time and an id. */
export function olderThan(text: string | undefined, time: string, id: string, type: 'String' | 'UUID' | 'UInt64'): Condition | undefined {
  const keys = parseCursor(text, ['number', type === 'UInt64' ? 'number' : 'string']);
  if (keys === undefined) return undefined;
  const [at, of] = keys;
  if (type === 'UUID' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(of))) throw noCursor();
  const sameTime = `${time} = fromUnixTimestamp64Milli({after_at: Int64}) AND ${id} < {after_id: ${type}}`;
  return condition(`${time} < fromUnixTimestamp64Milli({after_at: Int64}) OR (${sameTime})`, { after_at: at, after_id: of });
}

/** One page of rows that were asked for with one more than its limit. */
export function pageOf<Row, Shown>(
  rows: readonly Row[],
  limit: number,
  keysOf: (row: Row) => readonly (string | number)[],
  show: (row: Row) => Shown,
): { data: Shown[]; next: string | null } {
  const shown = rows.slice(0, limit);
  return { data: shown.map(show), next: rows.length > limit ? cursorOf(keysOf(shown.at(-1)!)) : null };
}
