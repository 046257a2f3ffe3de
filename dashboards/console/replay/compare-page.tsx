/** One run beside the record: what changed in numbers, and pair by pair in words. */
import './replay.css';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { query } from '../api/queries.ts';
import { Segments } from '../parts/buttons.tsx';
import { Empty, Loaded } from '../parts/feedback.tsx';
import { Badge } from '../parts/outcome.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { count } from '../text/format.ts';
import { type Comparison, likenessTones, type Pair } from './comparison.ts';
import { Deltas } from './deltas.tsx';
import { PairView } from './pair-view.tsx';

const here = getRouteApi('/replay/$id');

/** The comparison of the run that the address names. */
export function ComparePage() {
  const { id } = here.useParams();
  const found = useQuery({ ...query('compareRun', { params: { id } }), staleTime: 60_000, retry: 1 });
  return (
    <div className="content">
      <PageHead
        title={
          <span className="row wrap">
            <Link to="/replay" className="muted">
              Replay
            </Link>
            <span className="muted">/</span>
            <span className="mono">{id}</span>
          </span>
        }
      />
      <Loaded query={found}>
        {({ comparison, problem }) =>
          comparison === null ? <Empty title="Nothing to compare yet">{problem}</Empty> : <CompareView comparison={comparison} />
        }
      </Loaded>
    </div>
  );
}

function CompareView({ comparison }: { readonly comparison: Comparison }) {
  const search = here.useSearch();
  const navigate = here.useNavigate();
  const arm = comparison.arms.find(one => one.arm === search.arm) ?? comparison.arms[0];
  const likeness = search.likeness ?? 'all';
  const pairs = useMemo(() => (arm?.pairs ?? []).filter(({ diff }) => likeness === 'all' || diff.likeness === likeness), [arm, likeness]);
  if (!arm) return <Empty title="The run has no arm" />;
  const at = Math.max(
    0,
    pairs.findIndex(({ id }) => id === search.pair),
  );
  const open = (index: number): void => {
    const pair = pairs[index];
    if (pair) void navigate({ search: { ...search, pair: pair.id }, replace: true, resetScroll: false });
  };
  const kinds = Object.entries(arm.totals.likeness).filter(([, number]) => number > 0);
  return (
    <>
      <div className="row wrap">
        <Segments
          label="Arm"
          values={comparison.arms.map(one => [one.arm, one.arm] as const)}
          value={arm.arm}
          onChange={next => void navigate({ search: { ...search, arm: next } })}
        />
        <Segments
          label="Pairs"
          values={[
            ['all', `All ${count(arm.totals.pairs)}`] as const,
            ...kinds.map(([name, number]) => [name, `${name} ${count(number)}`] as const),
          ]}
          value={likeness}
          onChange={next => void navigate({ search: { ...search, likeness: next } })}
        />
      </div>
      <Deltas arm={arm} against={comparison.against} />
      {pairs.length === 0 ? (
        <Empty title="No such pair" />
      ) : (
        <div className="compare">
          <PairList pairs={pairs} at={at} onOpen={open} />
          <PairView key={pairs[at]!.id} pair={pairs[at]!} onStep={step => open(at + step)} place={`${at + 1} of ${pairs.length}`} />
        </div>
      )}
    </>
  );
}

interface PairListProps {
  readonly pairs: readonly Pair[];
  readonly at: number;
  onOpen(index: number): void;
}

const listMax = 500;

function PairList({ pairs, at, onOpen }: PairListProps) {
  useEffect(() => {
    document.querySelector('.pair-list [aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <Panel title="Pairs" isTight className="pair-list">
      <ol>
        {pairs.slice(0, listMax).map((pair, i) => (
          <li key={pair.id}>
            <button type="button" aria-current={i === at ? 'true' : undefined} onClick={() => onOpen(i)}>
              <Badge tone={likenessTones[pair.diff.likeness] ?? 'plain'}>{pair.diff.likeness}</Badge>
              <span className="cut">{pair.replayed.text || pair.replayed.outcome}</span>
            </button>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
