/** HTML pages of one request's explanation and of a simulation. */
import { usd } from '../../gateway/core/money/price.ts';
import type { SimulatedChain } from '../simulation/backtest.ts';
import type { Explanation } from '../sweep/explain.ts';
import { explanationSentence, explanationTables } from './explain.ts';
import { type ChartPoint, chartSvg, type Series } from './shared/chart.ts';
import { count, dollars, percent } from './shared/format.ts';
import { htmlPage, htmlTable } from './shared/html.ts';
import { type SimulationReport, simulationHead, simulationNotes, simulationRows, simulationSentence } from './simulate.ts';

const plain = (rows: readonly (readonly string[])[]) => rows.map(cells => ({ cells }));

/** The HTML page of one request's explanation. */
export function explanationPage(explanation: Explanation): string {
  const { item, cluster, chain, label, targets: known } = explanation;
  const { targets, thresholds } = explanationTables(explanation);
  const points = known.flatMap(({ target, quality, costNanoUsd }): ChartPoint[] =>
    quality === undefined || costNanoUsd === undefined ? [] : [{ x: usd(costNanoUsd), y: quality, label: target }],
  );
  return htmlPage({
    title: `Request ${item}`,
    sentence: explanationSentence(explanation),
    about: `chain ${chain} · quality: ${label}${cluster === item ? '' : ` · cluster ${cluster}`}`,
    parts: [
      points.length < 2
        ? ''
        : chartSvg({
            title: 'What each target made of it',
            x: { name: 'USD', format: dollars, from: 0 },
            y: { name: 'quality', format: percent, from: 0, to: 1 },
            series: [{ name: 'target', style: 'single', points }],
          }),
      '<h2>Targets</h2>',
      htmlTable(targets.head, plain(targets.rows)),
      '<h2>Who answers at which threshold</h2>',
      htmlTable(thresholds.head, plain(thresholds.rows)),
    ],
    notes: [],
  });
}

/** The HTML page of a simulation, with the backtest beside it. */
export function simulationPage(report: SimulationReport): string {
  const { route, candidate, label, candidateResult, now } = report;
  const point = (name: string, side: SimulatedChain | undefined): ChartPoint[] =>
    side === undefined || side.costPer1k === null || side.quality === null ? [] : [{ x: side.costPer1k, y: side.quality, label: name }];
  const series: readonly Series[] = [
    { name: 'as deployed', style: 'current', points: point('deployed', now) },
    { name: 'candidate', style: 'certified', points: point('candidate', candidateResult) },
  ];
  const drawn = series.filter(({ points }) => points.length > 0);
  const rows = simulationRows(report).map((cells, i) => ({ cells, mark: now && i === 0 ? 'current' : 'certified' }));
  return htmlPage({
    title: `${route} of ${candidate}, simulated`,
    sentence: simulationSentence(report),
    about: `quality: ${label} · ${count(candidateResult.items, 'recorded request')}`,
    parts: [
      drawn.length === 0
        ? ''
        : chartSvg({
            title: 'Quality and cost',
            x: { name: 'USD per 1,000 requests', format: dollars },
            y: { name: 'quality', format: percent },
            series: drawn,
          }),
      htmlTable(simulationHead, rows),
    ],
    notes: [...report.known, ...simulationNotes(report)],
  });
}
