/** Whether an exchange matches a tail's filter: the same conditions as the list's in the store. Pure. */
import type { ExchangeSummary, TailFilter } from '../api/exchanges.ts';

/** Whether an exchange passes the filter; members that the filter leaves out pass. */
export function matches(filter: TailFilter, row: ExchangeSummary): boolean {
  const { model, tag, min_cost_usd, min_latency_ms, ...equal } = filter;
  const differs = Object.entries(equal).some(([field, value]) => value !== undefined && row[field as keyof typeof equal] !== value);
  if (differs) return false;
  if (model !== undefined && row.model !== model && row.requested_model !== model) return false;
  if (min_cost_usd !== undefined && !((row.cost_usd ?? 0) >= min_cost_usd)) return false;
  if (min_latency_ms !== undefined && row.latency_ms < min_latency_ms) return false;
  if (tag === undefined) return true;
  const [name, value] = splitTag(tag);
  return Object.hasOwn(row.tags, name) && row.tags[name] === value;
}

/** Name and value of `name=value`. */
export function splitTag(tag: string): readonly [string, string] {
  const equals = tag.indexOf('=');
  return [tag.slice(0, equals), tag.slice(equals + 1)];
}
