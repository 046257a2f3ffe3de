/** Exchanges that match: those of the store page by page, and those that the tail tells of. */
import { type InfiniteData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type AnswerOf, call, urlOf } from '../api/client.ts';
import { listQuery, type TrafficSearch, tailQuery } from './filters.ts';

export type Exchange = AnswerOf<'listExchanges'>['data'][number];
export type InFlight = AnswerOf<'listInFlight'>['data'][number];
type Page = AnswerOf<'listExchanges'>;

const pageLength = 200;
/** Of the tail; older ones are in the store by then. */
const tailMax = 2_000;

/** Finished exchanges of the store, page by page, the newest first. */
export function useExchanges(search: TrafficSearch) {
  return useInfiniteQuery<Page, Error, InfiniteData<Page>, readonly unknown[], string | undefined>({
    queryKey: ['listExchanges', search],
    queryFn: ({ pageParam, signal }) =>
      call('listExchanges', {
        query: { ...listQuery(search), limit: pageLength, ...(pageParam === undefined ? {} : { after: pageParam }) },
        signal,
      }),
    initialPageParam: undefined,
    getNextPageParam: page => page.next ?? undefined,
    staleTime: 30_000,
  });
}

export interface Tail {
  readonly rows: readonly Exchange[];
  readonly state: 'off' | 'opening' | 'open' | 'lost';
  /** Left out by the gateway, which shows 20 a second. */
  readonly dropped: number;
}

const noTail: Tail = { rows: [], state: 'off', dropped: 0 };

/** What finishes while somebody looks. A pause keeps the stream and holds back what it tells. */
export function useTail(search: TrafficSearch, isPaused: boolean): Tail & { readonly waiting: number } {
  const [tail, setTail] = useState<Tail>(noTail);
  const [waiting, setWaiting] = useState(0);
  const held = useRef<Exchange[]>([]);
  const paused = useRef(isPaused);
  const query = useMemo(() => tailQuery(search), [search]);
  useEffect(() => {
    paused.current = isPaused;
    if (isPaused || held.current.length === 0) return;
    const rows = held.current;
    held.current = [];
    setWaiting(0);
    setTail(before => ({ ...before, rows: [...rows.toReversed(), ...before.rows].slice(0, tailMax) }));
  }, [isPaused]);
  useEffect(() => {
    held.current = [];
    setWaiting(0);
    setTail(query === undefined ? noTail : { ...noTail, state: 'opening' });
    if (query === undefined) return;
    const source = new EventSource(urlOf('tail', { query: query as object }));
    const flush = setInterval(() => {
      if (held.current.length === 0) return;
      if (held.current.length > tailMax) held.current.splice(0, held.current.length - tailMax);
      if (paused.current) return setWaiting(held.current.length);
      const rows = held.current;
      held.current = [];
      setTail(before => ({ ...before, rows: [...rows.toReversed(), ...before.rows].slice(0, tailMax) }));
    }, 250);
    source.addEventListener('open', () => setTail(before => ({ ...before, state: 'open' })));
    source.addEventListener('error', () => setTail(before => ({ ...before, state: 'lost' })));
    source.addEventListener('exchange', event => held.current.push((JSON.parse(event.data) as { exchange: Exchange }).exchange));
    source.addEventListener('dropped', event => {
      const { count } = JSON.parse(event.data) as { readonly count: number };
      setTail(before => ({ ...before, dropped: before.dropped + count }));
    });
    return () => {
      clearInterval(flush);
      source.close();
    };
  }, [query]);
  return { ...tail, waiting };
}

/** Requests that are being answered and match; [] for filters that cannot tell of them. */
export function useInFlight(search: TrafficSearch, isPaused: boolean): readonly InFlight[] {
  const { data } = useQuery({
    queryKey: ['listInFlight'],
    queryFn: ({ signal }) => call('listInFlight', { signal }),
    refetchInterval: isPaused ? false : 1_500,
    enabled: tailQuery(search) !== undefined,
  });
  const { route, tenant, project, key, user } = search;
  return useMemo(
    () =>
      (data?.data ?? []).filter(
        row =>
          (route === undefined || row.route === route) &&
          (tenant === undefined || row.tenant === tenant) &&
          (project === undefined || row.project === project) &&
          (key === undefined || row.key === key) &&
          (user === undefined || row.user === user),
      ),
    [data, route, tenant, project, key, user],
  );
}

/** The newest first, each once. */
export function merge(tail: readonly Exchange[], pages: readonly Page[]): readonly Exchange[] {
  const stored = pages.flatMap(page => page.data);
  if (tail.length === 0) return stored;
  const seen = new Set(stored.map(({ id }) => id));
  return [...tail.filter(({ id }) => !seen.has(id)).toSorted((a, b) => (a.received_at < b.received_at ? 1 : -1)), ...stored];
}
