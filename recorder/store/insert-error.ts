/** Classifies a failed insert: retry it, make it smaller, or reject its row. */

/** `later`: retry the same bytes under the same token. `less`: insert fewer rows at once. `never`: a row is invalid. */
export type InsertErrorClass = 'later' | 'less' | 'never';

/** ClickHouse's error codes. Of size: arrays, strings, rows, the query, memory, bytes, partitions. */
const sizeCodes = new Set([128, 131, 158, 229, 241, 307, 396, 565]);
/** Of content: text, numbers, dates or enums that cannot be read, values outside their type. */
const contentCodes = new Set([6, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 321, 349, 407, 467, 691]);

/** `later`: retry; `less`: halve the batch; `never`: a row is at fault. What is not an error of ClickHouse is `later`. */
export function classifyInsertError(error: unknown): InsertErrorClass {
  const code = exceptionCodeOf(error);
  if (code === undefined) return 'later';
  if (contentCodes.has(code)) return 'never';
  return sizeCodes.has(code) ? 'less' : 'later';
}

/** Of ClickHouse, as @clickhouse/client or the message gives it; undefined for sockets and the like. */
export function exceptionCodeOf(error: unknown): number | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^\d+$/.test(code)) return Number(code);
  const [, fromMessage] = /\bCode: (\d+)\. DB::Exception/.exec(String(message)) ?? [];
  return fromMessage === undefined ? undefined : Number(fromMessage);
}
