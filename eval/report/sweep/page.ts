/** A sweep as an HTML page: the frontier beside the random mix, the reliability of the signal, a table of all thresholds. */
import type { Calibration } from '../../calibration/calibrate.ts';
import type { Sweep } from '../../sweep/sweep.ts';
import { calibrationSentence } from '../calibrate.ts';
import { frontierChart, reliabilityChart, riskChart } from '../shared/evaluation-charts.ts';
import { count } from '../shared/format.ts';
import { htmlPage, htmlTable } from '../shared/html.ts';
import { htmlRows, sweepRemarks, sweepSentence } from './text.ts';

export function sweepHtml(sweep: Sweep, calibrations: readonly Calibration[], requests: string): string {
  const { chain, signal, label, items, clusters, confidence } = sweep;
  const { head, rows } = htmlRows(sweep);
  const charts = [frontierChart(sweep), ...calibrations.flatMap(c => [riskChart(c), reliabilityChart(c)])];
  return htmlPage({
    title: `Thresholds of ${chain}`,
    sentence: sweepSentence(sweep),
    about: `signal ${signal} · quality: ${label} · ${count(items, 'request')}, ${count(clusters, 'cluster')} · intervals of ${Number((confidence * 100).toFixed(2))} %`,
    parts: [`<div class="charts">${charts.join('\n')}</div>`, '<h2>Every threshold</h2>', htmlTable(head, rows), requests],
    notes: [...calibrations.map(calibrationSentence), ...sweepRemarks(sweep)],
  });
}
