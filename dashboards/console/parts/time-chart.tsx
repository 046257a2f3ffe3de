/** Lines over time, drawn by uPlot, in the colours of the theme. */
import 'uplot/dist/uPlot.min.css';
import './time-chart.css';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import { useMedia } from './media.ts';
import { useTheme } from './theme.ts';

export interface Line {
  readonly name: string;
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly isDashed?: boolean;
  readonly isFilled?: boolean;
}

interface TimeChartProps {
  readonly label: string;
  /** Milliseconds since the epoch. */
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  /** Marked on the axis, as changes of the configuration. */
  readonly marks?: readonly number[];
  format(value: number): string;
}

const heightPx = 168;

/** The chart; its numbers stand in a table for screen readers elsewhere on the page. */
export function TimeChart({ label, at, lines, marks = [], format }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const isDark = useMedia('(prefers-color-scheme: dark)');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours
  useEffect(() => {
    const target = box.current!;
    const color = colorsOf(target);
    const axis = { stroke: color('--muted'), font: '11px system-ui', ticks: { show: false }, grid: { stroke: color('--line'), width: 1 } };
    const chart = new UPlot(
      {
        width: target.clientWidth,
        height: heightPx,
        padding: [10, 22, 0, 0],
        legend: { show: false },
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.08 : 1] } },
        axes: [
          { ...axis, size: 26, space: 70, values: timeLabels },
          { ...axis, size: 62, space: 34, values: (_, ticks) => ticks.map(format) },
        ],
        series: [{}, ...lines.map(line => seriesOf(line, color))],
        hooks: { draw: [self => drawMarks(self, marks, color('--series-4'))], setCursor: [self => tell(self, lines, format)] },
      },
      [at.map(ms => ms / 1_000), ...lines.map(({ values }) => [...values])],
      target,
    );
    const resize = new ResizeObserver(() => chart.setSize({ width: target.clientWidth, height: heightPx }));
    resize.observe(target);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
  }, [at, lines, marks, format, theme, isDark]);
  return (
    <figure className="time-chart">
      <div ref={box} role="img" aria-label={label} />
      <figcaption>
        {lines.map(({ name, color, isDashed }) => (
          <span key={name}>
            <i className={isDashed ? 'dashed' : ''} style={{ borderColor: `var(${color})` }} /> {name} <b data-line={name} />
          </span>
        ))}
        <time />
      </figcaption>
    </figure>
  );
}

const seriesOf = ({ name, color, values, isDashed, isFilled }: Line, resolve: (name: string) => string): UPlot.Series => ({
  label: name,
  stroke: resolve(color),
  width: isDashed ? 1 : 1.75,
  spanGaps: false,
  // A value without neighbours has no line to be seen by.
  points: { show: values.filter(value => value !== null).length < 40 && values.includes(null), size: 5, fill: resolve(color) },
  ...(isDashed ? { dash: [4, 4] } : {}),
  ...(isFilled ? { fill: resolve(color).replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)') } : {}),
});

/** A variable of the theme as a canvas takes it. */
function colorsOf(target: HTMLElement): (name: string) => string {
  const probe = document.createElement('i');
  target.append(probe);
  return name => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}

const two = (value: number): string => String(value).padStart(2, '0');

function timeLabels(_: UPlot, ticks: number[], __: number, ___: number, step: number): string[] {
  return ticks.map(tick => {
    const time = new Date(tick * 1_000);
    return step >= 86_400 ? `${time.getDate()}.${time.getMonth() + 1}.` : `${two(time.getHours())}:${two(time.getMinutes())}`;
  });
}

function drawMarks({ ctx, bbox, valToPos }: UPlot, marks: readonly number[], color: string): void {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.setLineDash([2, 3]);
  for (const mark of marks) {
    const x = valToPos(mark / 1_000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** The values under the pointer, in the caption. */
function tell({ root, data, cursor: { idx } }: UPlot, lines: readonly Line[], format: (value: number) => string): void {
  const figure = root.closest('figure');
  if (!figure) return;
  for (const [i, { name }] of lines.entries()) {
    const value = idx === null || idx === undefined ? undefined : data[i + 1]?.[idx];
    figure.querySelector(`[data-line="${name}"]`)!.textContent = typeof value === 'number' ? format(value) : '';
  }
  const time = idx === null || idx === undefined ? undefined : data[0][idx];
  figure.querySelector('time')!.textContent =
    time === undefined ? '' : new Date(time * 1_000).toLocaleString('en-GB', { dateStyle: 'short', timeStyle: 'short' });
}
