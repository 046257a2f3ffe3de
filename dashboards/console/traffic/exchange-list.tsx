/** The rows that are in view, out of any number of them. */
import { Link, useNavigate } from '@tanstack/react-router';
import { useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useIsNarrow } from '../parts/media.ts';
import { Outcome } from '../parts/outcome.tsx';
import { clockTime, count, duration, usd } from '../text/format.ts';
import { answeredBy, columns, features, layoutOf, Path } from './columns.tsx';
import type { Exchange, InFlight } from './exchanges.ts';
import { InFlightRow } from './in-flight-row.tsx';

interface ExchangeListProps {
  readonly exchanges: readonly Exchange[];
  readonly inFlight: readonly InFlight[];
  readonly visibility: Readonly<Record<string, boolean>>;
  readonly hasMore: boolean;
  loadMore(): void;
}

/** So many rows before the end the next page is asked for. */
const ahead = 120;

export function ExchangeList({ exchanges, inFlight, visibility, hasMore, loadMore }: ExchangeListProps) {
  const isNarrow = useIsNarrow();
  const box = useRef<HTMLDivElement>(null);
  const data = useMemo(() => [...exchanges], [exchanges]);
  const table = useTable({ features, columns, data, state: { columnVisibility: { ...visibility } }, getRowId: ({ id }) => id });
  const shown = table.getVisibleLeafColumns();
  const rows = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => (isNarrow ? 58 : 33),
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - ahead) loadMore();
  }, [hasMore, last, rows.length, loadMore]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows have another height when the window is narrow
  useEffect(() => virtual.measure(), [isNarrow]);
  const { template, leastWidth } = layoutOf(shown.map(({ id }) => id));
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows are placed one by one, which no table element allows
    <div
      className="traffic-list"
      role="table"
      aria-label="Exchanges"
      aria-rowcount={hasMore ? -1 : rows.length}
      ref={box}
      onKeyDown={moveByKeys}
      style={{ '--columns': template, '--least-width': `${leastWidth}px` } as React.CSSProperties}
    >
      {!isNarrow && <Header columns={shown.map(({ id, columnDef }) => ({ id, title: String(columnDef.header) }))} />}
      {inFlight.slice(0, 20).map(request => (
        <InFlightRow key={request.id} request={request} isNarrow={isNarrow} />
      ))}
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(item => {
          const row = rows[item.index]!;
          return (
            <ExchangeRow key={row.id} exchange={row.original} index={item.index} top={item.start}>
              {isNarrow ? (
                <NarrowCells exchange={row.original} />
              ) : (
                row.getVisibleCells().map(cell => (
                  // biome-ignore lint/a11y/useSemanticElements: see above
                  <span role="cell" key={cell.id} className={`cut col-${cell.column.id}`}>
                    <table.FlexRender cell={cell} />
                  </span>
                ))
              )}
            </ExchangeRow>
          );
        })}
      </div>
    </div>
  );
}

const Header = ({ columns: shown }: { readonly columns: readonly { readonly id: string; readonly title: string }[] }) => (
  // biome-ignore lint/a11y/useSemanticElements: rows are placed one by one, which no table element allows
  // biome-ignore lint/a11y/useFocusableInteractive: a row of headers is no control
  <div role="row" className="traffic-row head">
    {shown.map(({ id, title }) => (
      // biome-ignore lint/a11y/useSemanticElements: see above
      // biome-ignore lint/a11y/useFocusableInteractive: a header is no control
      <span role="columnheader" key={id} className={`cut col-${id}`}>
        {title}
      </span>
    ))}
  </div>
);

function ExchangeRow({
  exchange,
  index,
  top,
  children,
}: {
  readonly exchange: Exchange;
  readonly index: number;
  readonly top: number;
  readonly children: React.ReactNode;
}) {
  const navigate = useNavigate();
  const tone = exchange.outcome === 'ok' ? '' : 'failed';
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows are placed one by one, which no table element allows
    // biome-ignore lint/a11y/useKeyWithClickEvents: the row holds a link for the keyboard
    // biome-ignore lint/a11y/useFocusableInteractive: the link in it takes the focus
    <div
      role="row"
      aria-rowindex={index + 1}
      className={`traffic-row ${tone}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => void navigate({ to: '/exchanges/$id', params: { id: exchange.id } })}
    >
      {children}
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <span role="cell" className="open-cell">
        <Link to="/exchanges/$id" params={{ id: exchange.id }} className="open-link" onClick={event => event.stopPropagation()}>
          <span className="hidden-text">
            Open exchange of {clockTime(exchange.received_at)}, {exchange.route}, {exchange.outcome}
          </span>
        </Link>
      </span>
    </div>
  );
}

const NarrowCells = ({ exchange }: { readonly exchange: Exchange }) => (
  // biome-ignore lint/a11y/useSemanticElements: rows are placed one by one, which no table element allows
  <span role="cell" className="narrow-cell">
    <span className="row">
      <Outcome outcome={exchange.outcome} errorType={exchange.error_type} />
      <b className="cut">{exchange.route}</b>
      <Path exchange={exchange} />
      <span className="muted" style={{ marginLeft: 'auto' }}>
        {clockTime(exchange.received_at)}
      </span>
    </span>
    <span className="row muted">
      <span className="cut grow">{answeredBy(exchange)}</span>
      <span className="nowrap">
        {count(exchange.input_tokens)} → {count(exchange.output_tokens)}
      </span>
      <span className="nowrap">{usd(exchange.cost_usd)}</span>
      <span className="nowrap">{duration(exchange.latency_ms)}</span>
    </span>
  </span>
);

/** Arrows, j and k go from row to row. */
function moveByKeys(event: React.KeyboardEvent<HTMLDivElement>): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined || event.target instanceof HTMLInputElement) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>('.open-link')].toSorted(
    (a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top,
  );
  const now = links.indexOf(document.activeElement as HTMLAnchorElement);
  const next = links[now < 0 ? 0 : now + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}
