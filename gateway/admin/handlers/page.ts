/** One page of a list that is in memory, in the order of its names. */
export function pageOf<Row>(
  rows: readonly Row[],
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  nameOf: (row: Row) => string,
): { data: Row[]; next: string | null } {
  const sorted = rows.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const rest = after === undefined ? sorted : sorted.filter(row => nameOf(row) > after);
  const data = rest.slice(0, limit);
  return { data, next: rest.length > limit ? nameOf(data.at(-1)!) : null };
}
