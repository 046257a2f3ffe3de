/** Charts as inline SVG: lines and dots over two axes, with a tooltip for each dot. */
import { escapeHtml } from './html.ts';

export interface Series {
  readonly name: string;
  /** A class of the page's style. */
  readonly style: 'chain' | 'frontier' | 'mix' | 'single' | 'oracle' | 'current' | 'certified' | 'ideal' | 'good' | 'bad';
  readonly points: readonly ChartPoint[];
  readonly line?: boolean;
  readonly dots?: boolean;
}

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly title?: string;
  /** Written beside the dot. */
  readonly label?: string;
  /** An interval of y. */
  readonly low?: number;
  readonly high?: number;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Axis {
  readonly name: string;
  readonly format: (value: number) => string;
  /** Else what the points take. */
  readonly from?: number;
  readonly to?: number;
}

const [width, height, left, right, top, bottom] = [640, 380, 74, 32, 16, 48];

/** The chart as an SVG element that needs no script. */
export function chartSvg(chart: Chart): string {
  const points = chart.series.flatMap(series => series.points);
  const x = scaleOf(
    chart.x,
    points.map(p => p.x),
    left,
    width - right,
  );
  const y = scaleOf(
    chart.y,
    points.flatMap(p => [p.y, p.low ?? p.y, p.high ?? p.y]),
    height - bottom,
    top,
  );
  const grid = [
    ...x.ticks.map(
      t =>
        `<path class="grid" d="M${x.at(t)} ${top}V${height - bottom}"/><text class="tick" x="${x.at(t)}" y="${height - bottom + 16}" text-anchor="middle">${escapeHtml(chart.x.format(t))}</text>`,
    ),
    ...y.ticks.map(
      t =>
        `<path class="grid" d="M${left} ${y.at(t)}H${width - right}"/><text class="tick" x="${left - 6}" y="${y.at(t) + 4}" text-anchor="end">${escapeHtml(chart.y.format(t))}</text>`,
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">${escapeHtml(chart.x.name)}</text>`,
    `<text transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(chart.y.name)}</text>`,
  ];
  const drawn = chart.series.map(series => seriesSvg(series, x.at, y.at));
  const legend = chart.series.map(({ name, style }) => `<span class="${style}"><i></i>${escapeHtml(name)}</span>`).join(' ');
  return `<figure><figcaption>${escapeHtml(chart.title)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(chart.title)}">
${[...grid, ...drawn].join('\n')}
</svg><p class="legend">${legend}</p></figure>`;
}

function seriesSvg({ style, points, line, dots = true }: Series, x: (v: number) => number, y: (v: number) => number): string {
  const path = line && points.length > 1 ? `<path class="line" d="M${points.map(p => `${x(p.x)} ${y(p.y)}`).join('L')}"/>` : '';
  const bars = points.map(({ x: at, low, high }) =>
    low === undefined || high === undefined ? '' : `<path class="line" d="M${x(at)} ${y(low)}V${y(high)}"/>`,
  );
  const marks = points.map(p => {
    const title = p.title === undefined ? '' : `<title>${escapeHtml(p.title)}</title>`;
    return `<circle cx="${x(p.x)}" cy="${y(p.y)}" r="4">${title}</circle>${labelSvg(p, x(p.x), y(p.y))}`;
  });
  return `<g class="${style}">${path}${bars.join('')}${dots ? marks.join('') : ''}</g>`;
}

/** Below a dot on the left, where a frontier rises; above one on the right, where it levels off. */
function labelSvg({ label }: ChartPoint, x: number, y: number): string {
  if (label === undefined) return '';
  const ending = x > width * 0.7;
  return `<text x="${x + (ending ? -8 : 8)}" y="${y + (ending ? -6 : 14)}" text-anchor="${ending ? 'end' : 'start'}">${escapeHtml(label)}</text>`;
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function scaleOf(axis: Axis, values: readonly number[], start: number, end: number): Scale {
  const [low, high] = values
    .filter(Number.isFinite)
    .reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)] as const, [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const);
  const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.5;
  const from = axis.from ?? low - room;
  const to = axis.to ?? high + room;
  // The end of an open interval is the edge.
  const within = (value: number): number => Math.min(to, Math.max(from, value));
  const at = (value: number): number => Math.round((start + ((within(value) - from) / (to - from)) * (end - start)) * 10) / 10;
  return { at, ticks: ticksOf(from, to) };
}

/** Round numbers, four to eight of them. */
export function ticksOf(from: number, to: number): readonly number[] {
  const rough = (to - from) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough)!;
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
