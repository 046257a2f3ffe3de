/** The audit: who changed or looked at what, and whether each entry follows from the one before it. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type AnswerOf, call } from '../api/client.ts';
import { session } from '../api/queries.ts';
import { Button } from '../parts/buttons.tsx';
import { Problem, Waiting } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { dateTime } from '../text/format.ts';

type Entry = AnswerOf<'listAudit'>['data'][number];
const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Places of a chain that are missing among the entries shown; 0 when each follows the one before. */
export function missing(entries: readonly Pick<Entry, 'chain' | 'seq'>[]): number {
  const chains = Map.groupBy(entries, ({ chain }) => chain);
  return [...chains.values()].reduce((sum, of) => {
    const places = of.map(({ seq }) => seq);
    return sum + Math.max(...places) - Math.min(...places) + 1 - new Set(places).size;
  }, 0);
}

/** The newest first, filtered by action and actor. */
export function AuditLog() {
  const [filter, setFilter] = useState({ action: '', actor: '' });
  const pages = useInfiniteQuery({
    queryKey: ['listAudit', filter],
    queryFn: ({ pageParam, signal }) =>
      call('listAudit', {
        query: {
          limit: 100,
          ...(filter.action === '' ? {} : { action: filter.action }),
          ...(filter.actor === '' ? {} : { actor: filter.actor }),
          ...(pageParam === '' ? {} : { after: pageParam }),
        },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
  });
  const entries = pages.data?.pages.flatMap(({ data }) => data) ?? [];
  const { data: who } = useQuery(session);
  // A key of one tenant sees only some entries of a chain.
  const isWhole = filter.action === '' && filter.actor === '' && who?.tenant === '*';
  return (
    <Panel title="Audit" isTight actions={isWhole && entries.length > 0 && <ChainBadge entries={entries} />}>
      <div className="row wrap audit-filter">
        {(['action', 'actor'] as const).map(name => (
          <input
            key={name}
            className="input"
            aria-label={name}
            placeholder={name === 'action' ? 'action, as payload-viewed' : 'actor, as key:web'}
            value={filter[name]}
            onChange={event => setFilter({ ...filter, [name]: event.target.value })}
          />
        ))}
      </div>
      {pages.isPending && <Waiting />}
      {pages.error && <Problem error={pages.error} />}
      <EntryTable entries={entries} />
      {pages.hasNextPage && (
        <div className="row audit-filter">
          <Button disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Older entries
          </Button>
        </div>
      )}
    </Panel>
  );
}

function ChainBadge({ entries }: { readonly entries: readonly Entry[] }) {
  const gaps = missing(entries);
  return gaps === 0 ? <Badge tone="good">no entry is missing here</Badge> : <Badge tone="bad">{gaps} entries are missing</Badge>;
}

const EntryTable = ({ entries }: { readonly entries: readonly Entry[] }) => (
  <ScrollX>
    <table className="grid-table">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">What</th>
          <th scope="col">Of</th>
          <th scope="col">Detail</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(entry => (
          <tr key={`${entry.chain} ${entry.seq} ${entry.at}`}>
            <td className="nowrap">{dateTime(entry.at)}</td>
            <td className="nowrap">{entry.actor}</td>
            <td className="nowrap">{entry.action}</td>
            <td>
              {idPattern.test(entry.subject) ? (
                <Link to="/exchanges/$id" params={{ id: entry.subject }}>
                  <code>{entry.subject}</code>
                </Link>
              ) : (
                <code>{entry.subject}</code>
              )}
            </td>
            <td className="mono muted detail">{entry.detail === null ? '' : JSON.stringify(entry.detail)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </ScrollX>
);
