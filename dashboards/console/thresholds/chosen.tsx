/** The chosen thresholds: a slider for each tier, and what they would cost and give beside today's. */
import { Range, Root, Thumb, Track } from '@radix-ui/react-slider';
import { Panel } from '../parts/panel.tsx';
import { duration, percent, usd } from '../text/format.ts';
import { type Frontier, nearest, type Point, type Row, tierValues } from './points.ts';

interface ChosenProps {
  readonly frontier: Frontier;
  readonly targets: readonly string[];
  readonly chosen: Row;
  onChoose(row: Row): void;
}

/** Sliders move by the thresholds that were measured. */
export function Chosen({ frontier, targets, chosen, onChoose }: ChosenProps) {
  return (
    <Panel title="Threshold" className="chosen">
      <div className="stack">
        {chosen.thresholds.map((value, tier) => (
          <Tier
            key={`${tier}`}
            name={targets[tier] ?? `tier ${tier + 1}`}
            signal={frontier.signal}
            value={value}
            values={tierValues(frontier, tier)}
            onChange={next => {
              const row = nearest(
                frontier.rows,
                chosen.thresholds.map((old, i) => (i === tier ? next : old)),
              );
              if (row) onChoose(row);
            }}
          />
        ))}
        <Figures chosen={chosen} today={frontier.current ?? undefined} />
      </div>
    </Panel>
  );
}

interface TierProps {
  readonly name: string;
  readonly signal: string;
  readonly value: number;
  readonly values: readonly number[];
  onChange(value: number): void;
}

function Tier({ name, signal, value, values, onChange }: TierProps) {
  const at = values.reduce((best, one, i) => (Math.abs(one - value) < Math.abs(values[best]! - value) ? i : best), 0);
  return (
    <div className="tier">
      <div className="row">
        <span className="grow">
          {name} keeps an answer from {signal.replaceAll('_', ' ')}
        </span>
        <output className="value">{value}</output>
      </div>
      <Root
        className="slider"
        min={0}
        max={Math.max(1, values.length - 1)}
        step={1}
        value={[at]}
        onValueChange={([next]) => onChange(values[next ?? 0]!)}
      >
        <Track className="slider-track">
          <Range className="slider-range" />
        </Track>
        <Thumb className="slider-thumb" aria-label={`Threshold of ${name}`} aria-valuetext={String(value)} />
      </Root>
      <div className="row muted ends">
        <span className="grow">cheaper</span>
        <span>safer</span>
      </div>
    </div>
  );
}

interface Figure {
  readonly name: string;
  readonly of: (point: Point) => string;
  readonly interval?: (point: Point) => string;
}

const range = (low: number | null | undefined, high: number | null | undefined, show: (value: number) => string): string =>
  low === null || low === undefined || high === null || high === undefined ? '' : `${show(low)} … ${show(high)}`;

const share = (value: number): string => percent(value);

const figures: readonly Figure[] = [
  { name: 'Kept early', of: ({ accept }) => percent(accept) },
  {
    name: 'Cost of 1,000',
    of: ({ cost_per_1k: { value } }) => usd(value),
    interval: ({ cost_per_1k: { low, high } }) => range(low, high, usd),
  },
  { name: 'Quality', of: ({ quality: { value } }) => percent(value), interval: ({ quality: { low, high } }) => range(low, high, share) },
  { name: 'Harm', of: ({ harm: { value } }) => percent(value), interval: ({ harm: { low, high } }) => range(low, high, share) },
  { name: 'First token, p50', of: ({ ttft_ms }) => duration(ttft_ms?.p50.value) },
  { name: 'First token, p95', of: ({ ttft_ms }) => duration(ttft_ms?.p95.value) },
  { name: 'Latency, p95', of: ({ latency_ms }) => duration(latency_ms?.p95.value) },
];

function Figures({ chosen, today }: { readonly chosen: Point; readonly today: Point | undefined }) {
  return (
    <table className="figures">
      <thead>
        <tr>
          <th scope="col">
            <span className="hidden-text">Figure</span>
          </th>
          <th scope="col" className="num">
            Chosen
          </th>
          <th scope="col" className="num">
            Today
          </th>
        </tr>
      </thead>
      <tbody>
        {figures.map(({ name, of, interval }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="num">
              <b>{of(chosen)}</b>
              {interval && <small className="muted">{interval(chosen)}</small>}
            </td>
            <td className="num">{today ? of(today) : '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
