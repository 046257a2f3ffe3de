/** The charts of eval's pages: cost and quality of a chain, and the reliability of its signal. */

import { upperHull } from '../../../statistics/index.ts';
import type { Calibration } from '../../calibration/calibrate.ts';
import type { Sweep, SweepRow } from '../../sweep/sweep.ts';
import { type ChartPoint, chartSvg, type Series } from './chart.ts';
import { dollars, percent } from './format.ts';

/** Without prices the share that escalates stands in for the cost. */
export function frontierChart(sweep: Sweep, marked?: { readonly label: string; readonly cost: number; readonly quality: number }): string {
  const priced = sweep.singles.every(single => single.costPer1k !== null);
  const xOf = (row: SweepRow): number => (priced ? row.costPer1k!.value : row.escalated.value);
  const point = (row: SweepRow): ChartPoint => ({
    x: xOf(row),
    y: row.quality.value,
    title: `${row.thresholds?.join(', ') ?? 'as configured'}: ${percent(row.quality.value)} at ${priced ? dollars(xOf(row)) : percent(xOf(row))}`,
  });
  const byCost = (a: ChartPoint, b: ChartPoint): number => a.x - b.x;
  const singles = priced ? sweep.singles.map(s => ({ target: s.target, cost: s.costPer1k!.value, quality: s.quality.value })) : [];
  const label = (target: string): string => `always ${target}`;
  const series: Series[] = [
    {
      name: 'random mix of the targets',
      style: 'mix',
      line: true,
      dots: false,
      points: upperHull(singles).map(p => ({ x: p.cost, y: p.quality })),
    },
    { name: 'thresholds', style: 'chain', points: sweep.rows.filter(row => !row.frontier).map(point) },
    {
      name: 'frontier',
      style: 'frontier',
      line: sweep.targets.length === 2,
      points: sweep.rows
        .filter(row => row.frontier)
        .map(point)
        .toSorted(byCost),
    },
    { name: 'one target always', style: 'single', points: singles.map(p => ({ x: p.cost, y: p.quality, label: label(p.target) })) },
    {
      name: 'best choice for each request',
      style: 'oracle',
      points:
        priced && sweep.oracle.costPer1k !== null
          ? [{ x: sweep.oracle.costPer1k, y: sweep.oracle.quality, title: 'no chain can be better' }]
          : [],
    },
    { name: 'as configured', style: 'current', points: sweep.current ? [{ ...point(sweep.current), label: 'now' }] : [] },
    {
      name: 'certified',
      style: 'certified',
      points: marked ? [{ x: marked.cost, y: marked.quality, label: marked.label }] : [],
    },
  ];
  return chartSvg({
    title: 'Quality and cost',
    x: priced ? { name: 'USD per 1,000 requests', format: dollars } : { name: 'escalated', format: percent },
    y: { name: 'quality', format: percent },
    series: series.filter(({ points }) => points.length > 0),
  });
}

/** Loss against the share of responses that are accepted, surest first. */
export const riskChart = (c: Calibration): string =>
  chartSvg({
    title: `Loss among the surest answers of ${c.target}`,
    x: { name: `share of the answers, surest ${c.signal} first`, format: percent, from: 0, to: 1 },
    y: { name: 'mean loss', format: percent, from: 0 },
    series: [
      {
        name: `AURC ${c.aurc.toFixed(4)}`,
        style: 'frontier',
        line: true,
        dots: false,
        points: c.riskCoverage.map(p => ({ x: p.coverage, y: p.risk })),
      },
      { name: 'without a signal', style: 'mix', line: true, dots: false, points: [0, 1].map(x => ({ x, y: 1 - c.quality.value })) },
    ],
  });

/** Observed quality against the signal, in bins. */
export const reliabilityChart = (c: Calibration): string =>
  chartSvg({
    title: `What the ${c.signal} of ${c.target} means`,
    x: { name: c.signal, format: percent, from: 0, to: 1 },
    y: { name: 'quality', format: percent, from: 0, to: 1 },
    series: [
      { name: 'as sure as it should be', style: 'ideal', line: true, dots: false, points: [0, 1].map(x => ({ x, y: x })) },
      {
        name: 'measured, bins of equal count',
        style: 'frontier',
        line: true,
        points: c.bins.map(bin => ({
          x: bin.signal,
          y: bin.quality.value,
          low: bin.quality.low,
          high: bin.quality.high,
          title: `${bin.count} answers: ${percent(bin.quality.value)}`,
        })),
      },
    ],
  });
