/** What a run changed against the record, each figure with its interval. */
import { Panel } from '../parts/panel.tsx';
import { ScrollX } from '../parts/scroll-x.tsx';
import { count, duration, percent, usd } from '../text/format.ts';
import type { Arm } from './comparison.ts';

type Metric = Arm['metrics'][number];

const shownFirst = 6;

/** Figures as a table; most of them folded. */
export function Deltas({ arm, against }: { readonly arm: Arm; readonly against: string }) {
  const sorted = arm.metrics.filter(({ pairs }) => pairs > 0).toSorted((a, b) => Number(isClear(b)) - Number(isClear(a)));
  return (
    <Panel
      title={`${arm.arm} against ${against}`}
      isTight
      actions={<span className="muted">95 % intervals; bold where they leave out zero</span>}
    >
      <ScrollX>
        <MetricTable metrics={sorted.slice(0, shownFirst)} />
      </ScrollX>
      {sorted.length > shownFirst && (
        <details className="more">
          <summary>{sorted.length - shownFirst} more figures</summary>
          <ScrollX>
            <MetricTable metrics={sorted.slice(shownFirst)} />
          </ScrollX>
        </details>
      )}
    </Panel>
  );
}

const isClear = ({ delta }: Metric): boolean =>
  delta !== null && delta.low !== null && delta.high !== null && (delta.low > 0 || delta.high < 0);

function MetricTable({ metrics }: { readonly metrics: readonly Metric[] }) {
  return (
    <table className="grid-table">
      <thead>
        <tr>
          <th scope="col">Figure</th>
          <th scope="col" className="num">
            Recorded
          </th>
          <th scope="col" className="num">
            Replayed
          </th>
          <th scope="col" className="num">
            Change
          </th>
          <th scope="col" className="num">
            Interval
          </th>
          <th scope="col" className="num">
            Pairs
          </th>
        </tr>
      </thead>
      <tbody>
        {metrics.map(metric => (
          <MetricRow key={metric.name} metric={metric} />
        ))}
      </tbody>
    </table>
  );
}

function MetricRow({ metric }: { readonly metric: Metric }) {
  const { name, unit, pairs, recorded, replayed, delta } = metric;
  const show = (value: number | null): string => (value === null ? '–' : shown(value, unit));
  const signed = (value: number | null): string =>
    value === null ? '–' : `${value > 0 ? '+' : value < 0 ? '−' : ''}${shown(Math.abs(value), unit)}`;
  return (
    <tr>
      <td>{name}</td>
      <td className="num">{show(recorded)}</td>
      <td className="num">{show(replayed)}</td>
      <td className="num">{isClear(metric) ? <b>{signed(delta?.value ?? null)}</b> : signed(delta?.value ?? null)}</td>
      <td className="num muted">{delta === null ? '–' : `${signed(delta.low)} … ${signed(delta.high)}`}</td>
      <td className="num">{count(pairs)}</td>
    </tr>
  );
}

function shown(value: number, unit: string): string {
  if (unit === 'ms') return duration(value);
  if (unit === 'USD' || unit === 'usd') return usd(value);
  if (unit === 'share' || unit === '%') return percent(unit === '%' ? value / 100 : value);
  return `${Math.abs(value) < 100 ? Number(value.toPrecision(3)) : count(Math.round(value))}${unit === '' ? '' : ` ${unit}`}`;
}
