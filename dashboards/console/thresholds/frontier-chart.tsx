/** Cost against quality: every threshold, single models, a random mix of them, today's point and the chosen one. */
import { useIsNarrow } from '../parts/media.ts';
import { percent, usd } from '../text/format.ts';
import { type Drawn, drawn, type Frontier, type Row, scaleOf } from './points.ts';

interface Frame {
  readonly width: number;
  readonly height: number;
}

/** Units of the drawing are pixels, so that its letters keep their size. */
const wide: Frame = { width: 760, height: 400 };
const narrow: Frame = { width: 338, height: 300 };
const edge = { left: 46, right: 22, top: 22, bottom: 44 };

interface FrontierChartProps {
  readonly frontier: Frontier;
  readonly chosen: Row | undefined;
  onChoose(row: Row): void;
}

/** `onChoose` gets the row nearest to where the chart was clicked. */
export function FrontierChart({ frontier, chosen, onChoose }: FrontierChartProps) {
  const frame = useIsNarrow() ? narrow : wide;
  const { width, height } = frame;
  const { x, y, xScale, yScale, rows, models, today } = layoutOf(frontier, frame);
  const line = rows.map(({ at }) => `${x(at.x)},${y(at.y)}`).join(' ');
  const band = [...rows.map(({ at }) => `${x(at.x)},${y(at.high)}`), ...rows.toReversed().map(({ at }) => `${x(at.x)},${y(at.low)}`)].join(
    ' ',
  );
  const picked = chosen && drawn(chosen);
  const mix = models.toSorted((a, b) => a.at.x - b.at.x);
  const choose = (event: React.PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
    const best = rows.toSorted((a, b) => Math.hypot(x(a.at.x) - px, y(a.at.y) - py) - Math.hypot(x(b.at.x) - px, y(b.at.y) - py))[0];
    if (best) onChoose(best.row);
  };
  return (
    <svg
      className="frontier"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`Frontier of ${frontier.chain}: cost per 1,000 requests against quality`}
      onPointerDown={choose}
      onPointerMove={event => event.buttons === 1 && choose(event)}
    >
      <Grid x={x} y={y} xTicks={xScale.ticks} yTicks={yScale.ticks} frame={frame} />
      <polygon className="band" points={band} />
      {mix.length > 1 && <polyline className="mix" points={mix.map(({ at }) => `${x(at.x)},${y(at.y)}`).join(' ')} />}
      <polyline className="line" points={line} />
      {models.map(({ name, at }) => (
        <g key={name} className="model">
          <rect x={x(at.x) - 4.5} y={y(at.y) - 4.5} width={9} height={9} />
          <text x={x(at.x) + (x(at.x) > width - 160 ? -9 : 9)} y={y(at.y) + 16} textAnchor={x(at.x) > width - 160 ? 'end' : 'start'}>
            {name}
          </text>
        </g>
      ))}
      {today && <Cross className="today" at={today} x={x} y={y} label="today" />}
      {picked && <Cross className="picked" at={picked} x={x} y={y} label="chosen" />}
    </svg>
  );
}

type Place = (value: number) => number;

interface GridProps {
  readonly x: Place;
  readonly y: Place;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  readonly frame: Frame;
}

function Grid({ x, y, xTicks, yTicks, frame: { width, height } }: GridProps) {
  return (
    <g className="grid">
      {yTicks.map(tick => (
        <g key={tick}>
          <line x1={edge.left} x2={width - edge.right} y1={y(tick)} y2={y(tick)} />
          <text x={edge.left - 8} y={y(tick) + 4} textAnchor="end">
            {percent(tick, 0)}
          </text>
        </g>
      ))}
      {xTicks.map(tick => (
        <text key={tick} x={x(tick)} y={height - edge.bottom + 18} textAnchor="middle">
          {usd(tick)}
        </text>
      ))}
      <text x={(width + edge.left) / 2} y={height - 6} textAnchor="middle">
        cost of 1,000 requests
      </text>
      <text x={edge.left} y={11}>
        quality, with its interval
      </text>
    </g>
  );
}

/** A point with its interval. */
function Cross({
  at,
  x,
  y,
  className,
  label,
}: {
  readonly at: Drawn;
  readonly x: Place;
  readonly y: Place;
  readonly className: string;
  readonly label: string;
}) {
  return (
    <g className={className}>
      <line x1={x(at.x)} x2={x(at.x)} y1={y(at.low)} y2={y(at.high)} />
      <circle cx={x(at.x)} cy={y(at.y)} r={6} />
      <text
        x={x(at.x) + (label === 'today' ? 10 : -10)}
        y={y(at.y) + (label === 'today' ? 16 : -8)}
        textAnchor={label === 'today' ? 'start' : 'end'}
      >
        {label}
      </text>
    </g>
  );
}

function layoutOf({ rows, targets, current }: Frontier, { width, height }: Frame) {
  const placed = rows.flatMap(row => {
    const at = drawn(row);
    return at ? [{ row, at }] : [];
  });
  const models = targets.flatMap(({ target, ...point }) => {
    const at = drawn(point);
    return at ? [{ name: target, at }] : [];
  });
  const today = current ? drawn(current) : undefined;
  const all = [...placed.map(({ at }) => at), ...models.map(({ at }) => at), ...(today ? [today] : [])];
  const xScale = scaleOf([0, ...all.map(({ x }) => x)], 0);
  const yScale = scaleOf(
    all.flatMap(({ low, high }) => [low, high]),
    0,
    1,
  );
  const x: Place = value => edge.left + ((value - xScale.from) / (xScale.to - xScale.from)) * (width - edge.left - edge.right);
  const y: Place = value => height - edge.bottom - ((value - yScale.from) / (yScale.to - yScale.from)) * (height - edge.top - edge.bottom);
  return { x, y, xScale, yScale, models, today, rows: placed.toSorted((a, b) => a.at.x - b.at.x) };
}
