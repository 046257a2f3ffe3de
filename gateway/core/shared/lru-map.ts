/** Maps of bounded size in which what was silent longest is forgotten. */

/** A copy with this entry at its end. */
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
 * The same in place, for the one who owns the map. As long as it is far from full an entry keeps its place, which costs nothing; from
 * then on it goes to the end whenever it is heard of.
 */
export function putLruEntry<Value>(entries: Map<string, Value>, name: string, value: Value, countMax: number): void {
  if (entries.size > countMax / 2) entries.delete(name);
  if (entries.size >= countMax && !entries.has(name)) entries.delete(entries.keys().next().value!);
  entries.set(name, value);
}
