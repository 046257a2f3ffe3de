/** Maps of bounded size in which what was silent longest is forgotten. */

/** A copy with this entry at its end. */
export function withLatest<Value>(
  known: ReadonlyMap<string, Value>,
  name: string,
  value: Value,
  countMax: number,
): ReadonlyMap<string, Value> {
  const next = new Map(known);
  next.delete(name);
  if (next.size >= countMax) next.delete(next.keys().next().value!);
  return next.set(name, value);
}

/**
 * The same in place, for the one who owns the map. As long as it is far from full an entry keeps its place, which costs nothing; from
 * then on it goes to the end whenever it is heard of.
 */
export function putLatest<Value>(known: Map<string, Value>, name: string, value: Value, countMax: number): void {
  if (known.size > countMax / 2) known.delete(name);
  if (known.size >= countMax && !known.has(name)) known.delete(known.keys().next().value!);
  known.set(name, value);
}
