/** What stands in the addresses of replay. Pure. */
export interface ReplaySearch {
  readonly create?: boolean;
  readonly since?: string;
  readonly route?: string;
  readonly tag?: string;
}

export interface CompareSearch {
  readonly arm?: string;
  readonly likeness?: string;
  /** Id of the recorded exchange that is open. */
  readonly pair?: string;
}

const texts = (search: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap(name => (typeof search[name] === 'string' ? [[name, search[name]]] : [])));

/** What fills the form of a new run, and whether it is open. */
export const parseReplaySearch = (search: Readonly<Record<string, unknown>>): ReplaySearch => ({
  ...(search.create === true ? { create: true } : {}),
  ...texts(search, ['since', 'route', 'tag']),
});

/** Which pair of which arm is open. */
export const parseCompareSearch = (search: Readonly<Record<string, unknown>>): CompareSearch => texts(search, ['arm', 'likeness', 'pair']);
