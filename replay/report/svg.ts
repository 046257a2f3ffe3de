/** Charts of a comparison as inline SVG: distributions and scatter plots. */

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');

const [width, height, left, right, top, bottom] = [540, 320, 98, 38, 14, 44];
/** The maximum number of drawn dots, sampled evenly. */
const dotsMax = 2_000;

type Format = (value: number) => string;

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Logarithmic when the values span more than a factor of 100, else linear. */
function axisOf(values: readonly number[], from: number, to: number): Axis {
  const positive = values.filter(value => value > 0);
  const [low, high] = [positive.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), 0)];
  const isLog = positive.length > 0 && high / low > 100;
  const scale = isLog ? (value: number): number => Math.log10(Math.max(value, low)) : (value: number): number => value;
  const [start, end] = isLog ? [scale(low), scale(high)] : [0, high || 1];
  const at = (value: number): number => Math.round((from + ((scale(value) - start) / (end - start || 1)) * (to - from)) * 10) / 10;
  const ticks = isLog
    ? Array.from({ length: Math.floor(end) - Math.ceil(start) + 1 }, (_, i) => 10 ** (Math.ceil(start) + i))
    : [0, 0.25, 0.5, 0.75, 1].map(share => share * end);
  return { at, ticks };
}

function frame(
  title: string,
  x: Axis,
  y: Axis,
  xName: string,
  yName: string,
  formats: readonly [Format, Format],
  inner: string,
  legend: string,
): string {
  const grid = [
    ...x.ticks.map(
      t =>
        `<path class="grid" d="M${x.at(t)} ${top}V${height - bottom}"/><text class="tick" x="${x.at(t)}" y="${height - bottom + 15}" text-anchor="middle">${escapeHtml(formats[0](t))}</text>`,
    ),
    ...y.ticks.map(
      t =>
        `<path class="grid" d="M${left} ${y.at(t)}H${width - right}"/><text class="tick" x="${left - 6}" y="${y.at(t) + 4}" text-anchor="end">${escapeHtml(formats[1](t))}</text>`,
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(xName)}</text>`,
    `<text transform="translate(12 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yName)}</text>`,
  ];
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${grid.join('')}${inner}</svg>${legend}</figure>`;
}

/** The cumulative distribution of both sides. */
export function distribution(
  title: string,
  unit: string,
  format: Format,
  recorded: readonly number[],
  replayed: readonly number[],
): string {
  if (recorded.length === 0) return '';
  const x = axisOf([...recorded, ...replayed], left, width - right);
  const y: Axis = {
    at: share => Math.round((height - bottom - share * (height - bottom - top)) * 10) / 10,
    ticks: [0, 0.25, 0.5, 0.75, 1],
  };
  const line = (values: readonly number[], style: string): string => {
    const sorted = values.toSorted((a, b) => a - b);
    const step = Math.max(1, Math.floor(sorted.length / 400));
    const points = sorted.flatMap((value, i) =>
      i % step === 0 || i === sorted.length - 1 ? [`${x.at(value)} ${y.at((i + 1) / sorted.length)}`] : [],
    );
    return `<path class="line ${style}" d="M${x.at(sorted[0]!)} ${y.at(0)}L${points.join('L')}"/>`;
  };
  const legend = '<p class="legend"><span class="before">recorded</span> <span class="after">replayed</span></p>';
  const share: Format = value => `${Math.round(value * 100)} %`;
  return frame(title, x, y, unit, 'of the responses', [format, share], line(recorded, 'before') + line(replayed, 'after'), legend);
}

export interface Dot {
  readonly before: number;
  readonly after: number;
  readonly title: string;
  readonly look: string;
}

/** One dot per pair; on the diagonal both sides are equal, above it the replay is higher. */
export function scatter(title: string, unit: string, format: Format, dots: readonly Dot[]): string {
  if (dots.length === 0) return '';
  const step = Math.ceil(dots.length / dotsMax);
  const all = dots.flatMap(({ before, after }) => [before, after]);
  const x = axisOf(all, left, width - right);
  const y = axisOf(all, height - bottom, top);
  const [low, high] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), 0)];
  const drawn = dots
    .filter((_, i) => i % step === 0)
    .map(
      dot =>
        `<circle class="${dot.look}" cx="${x.at(dot.before)}" cy="${y.at(dot.after)}" r="3"><title>${escapeHtml(dot.title)}</title></circle>`,
    );
  const diagonal = `<path class="line equal" d="M${x.at(low)} ${y.at(low)}L${x.at(high)} ${y.at(high)}"/>`;
  const legend = `<p class="legend"><span class="same">same or equivalent</span> <span class="different">different or undecided</span>${step > 1 ? ` every ${step}th of ${dots.length}` : ''}</p>`;
  return frame(title, x, y, `recorded, ${unit}`, `replayed, ${unit}`, [format, format], diagonal + drawn.join(''), legend);
}
