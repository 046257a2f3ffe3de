/** Traffic: what is asked and answered just now, and whatever was. */
import './traffic.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { mayActAs, session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Empty, Problem, Waiting } from '../parts/feedback.tsx';
import { Icon } from '../parts/icons.tsx';
import { Dot } from '../parts/outcome.tsx';
import { PageHead } from '../parts/panel.tsx';
import { count } from '../text/format.ts';
import { ExchangeList } from './exchange-list.tsx';
import { merge, type Tail, useExchanges, useInFlight, useTail } from './exchanges.ts';
import { FilterBar } from './filter-bar.tsx';
import { defaultSpan, filters } from './filters.ts';
import { ColumnMenu, ExportMenu, useVisibility } from './menus.tsx';

const here = getRouteApi('/traffic');

const only = (name: 'route' | 'tag', value: string | undefined) => (value === undefined ? {} : { [name]: value });

export function TrafficPage() {
  const search = here.useSearch();
  const navigate = here.useNavigate();
  const { data: who } = useQuery(session);
  const [isPaused, setPaused] = useState(false);
  const [visibility, setVisibility] = useVisibility();
  const stored = useExchanges(search);
  const tail = useTail(search, isPaused);
  const inFlight = useInFlight(search, isPaused);
  const exchanges = useMemo(() => merge(tail.rows, stored.data?.pages ?? []), [tail.rows, stored.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = stored;
  const loadMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [isFetchingNextPage, fetchNextPage]);
  return (
    <div className="content full">
      <PageHead title="Traffic" sub={<Liveness tail={tail} isPaused={isPaused} />}>
        <Button
          icon={isPaused ? 'playground' : 'pause'}
          aria-pressed={isPaused}
          className={isPaused ? 'on' : ''}
          onClick={() => setPaused(!isPaused)}
        >
          {isPaused ? `Resume${tail.waiting > 0 ? ` (${count(tail.waiting)} new)` : ''}` : 'Pause'}
        </Button>
        <ColumnMenu visibility={visibility} onChange={setVisibility} />
        <ExportMenu search={search} />
        {mayActAs(who?.role ?? 'viewer', 'analyst') && (
          <Link
            className="button"
            to="/replay"
            search={{ create: true, since: search.since || defaultSpan, ...only('route', search.route), ...only('tag', search.tag) }}
          >
            <Icon name="replay" />
            Replay these
          </Link>
        )}
      </PageHead>
      <FilterBar
        key={search.text ?? ''}
        search={search}
        maySearchTexts={mayActAs(who?.role ?? 'viewer', 'analyst')}
        onChange={next => void navigate({ search: next })}
      />
      {stored.error && <Problem error={stored.error} retry={() => void stored.refetch()} />}
      {stored.isPending && <Waiting />}
      {!stored.isPending && exchanges.length === 0 && inFlight.length === 0 ? (
        <Nothing isFiltered={filters.some(({ name }) => search[name] !== undefined) || search.text !== undefined} />
      ) : (
        <ExchangeList exchanges={exchanges} inFlight={inFlight} visibility={visibility} hasMore={hasNextPage} loadMore={loadMore} />
      )}
    </div>
  );
}

function Liveness({ tail: { state, dropped }, isPaused }: { readonly tail: Tail; readonly isPaused: boolean }) {
  const text = isPaused
    ? 'paused'
    : { off: 'not live with this filter', opening: 'connecting', open: 'live', lost: 'connection lost, trying again' }[state];
  return (
    <span className="row" role="status">
      <Dot tone={isPaused || state === 'off' ? 'plain' : state === 'open' ? 'live' : 'warn'} />
      {text}
      {dropped > 0 && ` · ${count(dropped)} not shown live`}
    </span>
  );
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="Nothing matches">Choose a longer time, or take a filter away.</Empty>;
  return (
    <Empty title="No traffic yet">
      <span>Send a request, and it appears here as it is answered.</span>
      <pre className="code-box">{`curl ${location.origin}/v1/chat/completions \\
  -H 'content-type: application/json' \\
  -d '{"model":"smart","messages":[{"role":"user","content":"Say hello"}]}'`}</pre>
    </Empty>
  );
}
