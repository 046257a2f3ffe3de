/** Calibrations, comparisons and sample sizes as HTML pages. */

import type { SampleSize } from '../certify/sample-size.ts';
import type { ComparedSides } from '../gate/compared-sides.ts';
import type { Item } from '../outcomes/outcomes.ts';
import { type CalibrationReport, calibrationSentence, calibratorText } from './calibrate.ts';
import { type ComparisonReport, comparisonRows, comparisonSentence } from './compare.ts';
import { type PowerReport, powerSentence } from './power.ts';
import { type ChartPoint, chartSvg } from './shared/chart.ts';
import { reliabilityChart, riskChart } from './shared/evaluation-charts.ts';
import { count, dollars, droppedText, none, percent } from './shared/format.ts';
import { htmlPage, htmlTable } from './shared/html.ts';
import { itemTable } from './shared/item-table.ts';

const level = (confidence: number): string => `${Number((confidence * 100).toFixed(2))} %`;

/** The HTML page of a calibration. */
export function calibrationPage({ chain, label, confidence, calibrations, notes }: CalibrationReport): string {
  const leaders = [...new Map(calibrations.toReversed().map(c => [c.target, c])).values()].toReversed();
  const rows = calibrations.map(c => ({
    cells: [
      ...[c.target, c.signal, `${c.items} of ${c.answers}`, c.auroc === null ? none : c.auroc.toFixed(3), c.aurc.toFixed(4)],
      ...[c.raw.brier, c.crossFitted.brier].map(x => x.toFixed(4)),
      ...[c.raw.eceMass, c.crossFitted.eceMass].map(x => x.toFixed(3)),
      calibratorText(c.calibrator),
    ],
  }));
  const head = ['target', 'signal', 'shown by', 'AUROC', 'AURC', 'Brier', 'after', 'ECE', 'after', 'curve'];
  return htmlPage({
    title: `Signals of ${chain}`,
    sentence: leaders.map(calibrationSentence).join(' '),
    about: `quality: ${label} · intervals of ${level(confidence)}`,
    parts: [
      `<div class="charts">${leaders.flatMap(c => [reliabilityChart(c), riskChart(c)]).join('\n')}</div>`,
      '<h2>Every signal</h2>',
      htmlTable(head, rows),
      ...leaders.map(
        c =>
          `<h2>Bins of equal count</h2>${htmlTable(
            [c.signal, 'answers', 'mean', 'quality', 'calibrated'],
            c.bins.map(b => ({
              cells: [
                `${b.from.toFixed(3)} … ${b.to.toFixed(3)}`,
                String(b.count),
                percent(b.signal),
                percent(b.quality.value),
                percent(b.calibrated),
              ],
            })),
          )}`,
      ),
    ],
    notes: [
      '"After" is of answers that the curve was not fitted on. A certificate needs no calibration: only the order of the signal counts.',
      ...notes,
    ],
  });
}

/** The HTML page of a comparison, with both sides' outcomes drawn. */
export function comparisonPage(report: ComparisonReport, compared: ComparedSides, items: readonly Item[]): string {
  const { baseline, candidate, confidence, worse, better, p } = report;
  const rows = comparisonRows(report).map(cells => ({ cells }));
  return htmlPage({
    title: `${candidate} against ${baseline}`,
    sentence: comparisonSentence(report),
    about: `quality: ${report.label} · ${count(report.items, 'request')}, ${count(report.clusters, 'cluster')}, design effect ${report.designEffect.toFixed(1)} · intervals of ${level(confidence)}`,
    parts: [
      htmlTable(['', baseline, candidate, 'difference', 'change'], rows),
      `<p>worse/better: ${worse}/${better} requests${p === null ? '' : `, McNemar p = ${p.toPrecision(2)}`}</p>`,
      itemTable({ items, head: candidate, base: baseline, candidate: compared.candidate, baseline: compared.baseline, targets: [] }),
    ],
    notes: [...report.dropped.map(droppedText), ...report.notes],
  });
}

/** The HTML page of the sample sizes. */
export function powerPage(report: PowerReport): string {
  const point = ({ accept, requests, thresholds }: SampleSize): ChartPoint[] =>
    requests === null ? [] : [{ x: accept, y: requests, title: `${thresholds.join(', ')}: ${requests.toLocaleString('en')} requests` }];
  const points = report.sampleSizes.flatMap(point).toSorted((a, b) => a.x - b.x);
  const rows = report.sampleSizes.map(need => ({
    mark: need.more === 0 ? 'pass' : '',
    cells: [
      need.thresholds.join(', '),
      ...[need.accept, need.loss, need.differing].map(percent),
      ...[need.requests, need.more].map(x => (x === null ? none : x.toLocaleString('en'))),
      need.usd === null ? none : dollars(need.usd),
    ],
  }));
  const here = [0, 1].map(x => ({ x, y: report.items }));
  return htmlPage({
    title: `What it takes to certify ${report.chain}`,
    sentence: powerSentence(report),
    about: `quality: ${report.label} · ${count(report.items, 'request')}, ${count(report.clusters, 'cluster')} · chance of success ${percent(report.power)}`,
    parts: [
      points.length === 0
        ? ''
        : chartSvg({
            title: 'Requests needed',
            x: { name: 'accepted by the first target', format: percent, from: 0, to: 1 },
            y: { name: 'requests', format: y => Math.round(y).toLocaleString('en'), from: 0 },
            series: [
              { name: 'needed', style: 'frontier', line: true, points },
              { name: 'there are', style: 'mix', line: true, dots: false, points: here },
            ],
          }),
      htmlTable(['threshold', 'accepted', report.loss, 'differing', 'requests', 'more', 'about'], rows),
    ],
    notes: report.notes,
  });
}
