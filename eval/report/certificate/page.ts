/** A certificate as an HTML page: the promise, its place on the frontier, the tested sequence, every request. */
import type { Calibration } from '../../calibration/calibrate.ts';
import type { Certificate } from '../../certify/certify.ts';
import type { Item } from '../../outcomes/outcomes.ts';
import { type Chain, singleTargetPolicy, withThresholds } from '../../policies/chain.ts';
import { trialRunner } from '../../policies/trials.ts';
import type { Sweep } from '../../sweep/sweep.ts';
import { frontierChart, reliabilityChart, riskChart } from '../shared/evaluation-charts.ts';
import { count, none, percent } from '../shared/format.ts';
import { htmlPage, htmlTable } from '../shared/html.ts';
import { itemTable } from '../shared/item-table.ts';
import { certificateSentence, constraintText } from './text.ts';

export interface CertificatePage {
  readonly label: string;
  readonly notes: readonly string[];
  readonly items: readonly Item[];
  readonly chain: Chain;
  readonly sweep: Sweep | undefined;
  readonly calibrations: readonly Calibration[];
}

export function certificatePage(certificate: Certificate, { label, notes, items, chain, sweep, calibrations }: CertificatePage): string {
  const { certified, signal, confidence, method, procedure, clusters } = certificate;
  const marked = certified?.costPer1k
    ? { label: `certified ${certified.thresholds.join(', ')}`, cost: certified.costPer1k.value, quality: certified.quality.value }
    : undefined;
  const charts = [...(sweep ? [frontierChart(sweep, marked)] : []), ...calibrations.flatMap(c => [riskChart(c), reliabilityChart(c)])];
  return htmlPage({
    title: `Certificate of ${certificate.chain}`,
    sentence: certificateSentence(certificate),
    about: `signal ${signal} · quality: ${label} · ${count(certificate.items, 'request')}, ${count(clusters, 'cluster')} · ${method}, ${procedure} · confidence ${percent(confidence)}`,
    parts: [
      `<div class="charts">${charts.join('\n')}</div>`,
      sequence(certificate),
      slices(certificate),
      everyRequest(certificate, items, chain),
    ],
    notes: [
      `Demanded: ${certificate.constraints.map(constraintText).join('; ')}.`,
      'An answer that must be accepted is held until it is whole: its first token comes with its last.',
      `If future requests are exchangeable with these ${count(clusters, 'cluster')} and the labels are right, the promise holds with probability of at least ${percent(confidence)} over the choice of these data.`,
      ...notes,
    ],
  });
}

function sequence({ tested, notReached, certified, confidence }: Certificate): string {
  const rows = [...tested, ...notReached].map(t => ({
    mark: t.thresholds === certified?.thresholds ? 'certified' : t.p <= 1 - confidence ? '' : 'current',
    cells: [
      t.thresholds.join(', '),
      percent(t.accept),
      percent(t.quality),
      Number.isFinite(t.relativeCost) ? percent(t.relativeCost) : none,
      `${t.worse}/${t.better}`,
      percent(t.loss),
      t.lossUpper === null ? none : percent(t.lossUpper),
      t.p.toPrecision(3),
      !tested.includes(t) ? 'not reached' : t.p <= 1 - confidence ? 'holds' : 'stops here',
    ],
  }));
  const head = ['threshold', 'accepted', 'quality', 'cost', 'worse/better', 'loss', 'at most', 'p', ''];
  return `<h2>What was tested, in order</h2>${htmlTable(head, rows)}`;
}

function slices({ slices: all }: Certificate): string {
  if (all.length === 0) return '';
  const rows = all.map(s => ({
    mark: s.certified ? 'pass' : 'fail',
    cells: [
      `${s.tag} = ${s.value || '(none)'}`,
      String(s.items),
      percent(s.loss),
      s.p.toPrecision(3),
      s.certified ? 'certified' : 'not certified',
      s.needed === null || s.certified ? none : s.needed.toLocaleString('en'),
    ],
  }));
  return `<h2>Slices</h2>${htmlTable(['slice', 'requests', 'loss', 'p, corrected', '', 'more needed'], rows)}`;
}

function everyRequest({ certified, signal, reference }: Certificate, items: readonly Item[], chain: Chain): string {
  if (!certified) return '';
  const decide = trialRunner(items, chain.targets);
  return itemTable({
    items,
    head: `certified ${certified.thresholds.join(', ')}`,
    base: `always ${reference}`,
    candidate: decide(withThresholds(chain, certified.thresholds, signal)),
    baseline: decide(singleTargetPolicy(chain, reference)),
    signal: { of: chain.targets[0]!, name: signal },
    targets: chain.targets,
  });
}
