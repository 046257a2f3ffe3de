/** Maps of bounded size that evict the least recently updated entry. */

/** A copy with this entry moved to the end. */
export function withLruEntry<Value>(
  entries: ReadonlyMap<string, Value>,
  name: string,
  value: Value,
  countMax: number,
): ReadonlyMap<string, Value> {
  const next = new Map(entries);
  next.delete(name);
  if (next.size >= countMax) next.delete(next.keys().next().value!);
  return next.set(name, value);
}

/**
 * The same in place, for the owner of the map. Below half of the bound an entry keeps its position, which is cheap; above, each update
 * moves it to the end.
 */
export function putLruEntry<Value>(entries: Map<string, Value>, name: string, value: Value, countMax: number): void {
  if (entries.size > countMax / 2) entries.delete(name);
  if (entries.size >= countMax && !entries.has(name)) entries.delete(entries.keys().next().value!);
  entries.set(name, value);
}
