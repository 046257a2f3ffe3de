/** A certificate as text: what it promises and what it does not. */

import { sizeForHarm, sizeForNetLoss } from '../../../statistics/index.ts';
import type { Certificate, TestedThreshold } from '../../certify/certify.ts';
import type { Constraint } from '../../certify/constraint.ts';
import type { Measured } from '../../sweep/measure.ts';
import { count, difference, dollars, milliseconds, none, percent, points, withInterval } from '../shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The certificate for the terminal: what is promised, at which confidence, and what is not. */
export function certificateText(certificate: Certificate, label: string, table: Table): string {
  const { certified, confidence } = certificate;
  const sides = sidesTable(certificate, table);
  if (!certified) {
    const [first] = certificate.tested;
    const more = neededFor(certificate);
    return [
      certificateSentence(certificate),
      ...['', headOf(certificate, label), ''],
      first
        ? `At ${numbers(first.thresholds)}, ${certificate.split ? 'the safest candidate' : 'the strictest'}, the ${lossName(certificate)} is ${percent(first.loss)} (p = ${first.p.toPrecision(2)}).`
        : `No answer of the first target shows ${certificate.signal}.`,
      ...(more === undefined
        ? []
        : [`With a true ${lossName(certificate)} of 0, about ${count(more, 'request')} would certify ${boundName(certificate)}.`]),
      ...['', sides, '', sequenceTable(certificate, table)],
    ]
      .join('\n')
      .trimEnd();
  }
  const level = `${Number((confidence * 100).toFixed(2))} %`;
  return [
    certificateSentence(certificate),
    ...['', headOf(certificate, label), '', sides, '', sequenceTable(certificate, table), ''],
    ...remarks(certificate),
    ...(certificate.mode === 'expected' ? [] : [futureText(certificate, level)]),
  ].join('\n');
}

/** What a certificate says of requests to come. */
function futureText(certificate: Certificate, level: string): string {
  const { clusters, reference } = certificate;
  return `If future requests are exchangeable with these ${count(clusters, 'cluster')} and the labels are right, then with probability of at least ${level} over the choice of these data this threshold ${expects(certificate)} against always using ${reference}.`;
}

/** What it comes to, on top of everything. */
export function certificateSentence(certificate: Certificate): string {
  const { assumptions } = certificate;
  const assuming = assumptions.length === 0 ? '' : `ASSUMING, by --assume, that ${assumptions.join('; ')}: `;
  return `${assuming}${verdictSentence(certificate)}`;
}

function verdictSentence(certificate: Certificate): string {
  const { certified, reference, confidence, mode } = certificate;
  if (!certified) return `INCONCLUSIVE: no threshold is ${mode}; always use ${reference}.`;
  if (mode === 'expected')
    return `EXPECTED, NOT CERTIFIED: threshold ${numbers(certified.thresholds)} ${onAverage(certificate)} against always using ${reference}, on average over data sets like this one; with this one it may be more, as in many of them.`;
  const level = `${Number((confidence * 100).toFixed(2))} %`;
  const at = numbers(certified.thresholds);
  if (certified.savesNothing) {
    const cost = certified.relativeCost
      ? `costs ${withInterval(certified.relativeCost, percent)} of always using ${reference}`
      : 'accepts nothing';
    return `CERTIFIED, BUT IT SAVES NOTHING: threshold ${at} ${promises(certificate)} with ${level} confidence, and ${cost}. Always use ${reference}.`;
  }
  const { relativeCost } = certified;
  const saves = relativeCost
    ? ` saves ${percent(1 - relativeCost.value)} [${[1 - relativeCost.high, 1 - relativeCost.low].map(x => (x * 100).toFixed(1)).join(', ')}]:`
    : '';
  return `CERTIFIED: threshold ${at}${saves} it ${promises(certificate)} against always using ${reference}, with ${level} confidence.`;
}

const numbers = (thresholds: readonly number[]): string => thresholds.join(', ');
const lossName = ({ loss }: Certificate): string => (loss === 'harm' ? 'harm' : 'net loss of quality');
const boundName = ({ lossMax }: Certificate): string => `${Number((lossMax * 100).toFixed(3))} pp`;

/** A constraint in words, with its bound. */
export const constraintText = ({ kind, max }: Constraint): string => {
  const share = `${Number((max * 100).toFixed(3))} pp`;
  switch (kind) {
    case 'harm':
      return `gives at most ${Number((max * 100).toFixed(3))} of 100 requests a worse answer`;
    case 'net':
      return `keeps the net loss of quality at or below ${share}`;
    case 'errors':
      return `keeps the share without an answer at or below ${share}`;
    default:
      return `keeps the p95 ${kind === 'latency_p95' ? 'latency' : 'time to the first token'} at or below ${milliseconds(max)}`;
  }
};

/** `gives on average at most 2 of 100 requests a worse answer`. */
const onAverage = (certificate: Certificate): string => promises(certificate).replace('gives at most', 'gives on average at most');
const expects = (certificate: Certificate): string =>
  promises(certificate)
    .replace(/the (net loss|share)/g, 'the expected $1')
    .replace('gives at most', 'gives on average at most');
const promises = ({ constraints }: Certificate): string => constraints.map(constraintText).join(', ');

function headOf(certificate: Certificate, label: string): string {
  const { chain, targets, signal, items, clusters, method, procedure, tested, candidates, split, designEffect } = certificate;
  const route = chain === targets.join(',') ? targets.join(' → ') : `${chain} (${targets.join(' → ')})`;
  const deff = clusters < items ? `, design effect ${designEffect.toFixed(1)}` : '';
  const how =
    procedure === 'fixed sequence'
      ? `${method}, ${count(tested.length, 'threshold')} tested in fixed sequence`
      : `${method}, ${tested.length} of ${count(candidates, 'candidate')} tested in the order of the tuning requests`;
  const roles = split ? `\ntune ${split.tune}, certify ${split.certify}, audit ${split.audit} requests; clusters stay whole` : '';
  return `chain ${route}   signal: ${signal}   quality: ${label}   n = ${count(items, 'request')}, ${count(clusters, 'cluster')}${deff}   ${how}${roles}`;
}

function sidesTable({ always, current, certified, reference, targets }: Certificate, table: Table): string {
  const row = (name: string, side: Measured, own: boolean): string[] => [
    name,
    side.costPer1k ? dollars(side.costPer1k.value) : none,
    own ? withInterval(side.relativeCost, percent) : none,
    withInterval(side.quality, percent),
    own ? percent(side.harm.value) : none,
    own ? percent(side.answered[0]!) : none,
    side.latencyMs ? milliseconds(side.latencyMs.p95.value) : none,
    side.firstTokenMs ? milliseconds(side.firstTokenMs.p95.value) : none,
    own && side.firstTokenMs && always.firstTokenMs
      ? difference(milliseconds)(side.firstTokenMs.p95.value - always.firstTokenMs.p95.value)
      : none,
  ];
  const rows = [
    row(`always ${reference}`, always, false),
    ...(current ? [row(`now ${current.thresholds ? numbers(current.thresholds) : 'its own rule'}`, current, true)] : []),
    ...(certified ? [row(`certified ${numbers(certified.thresholds)}`, certified, true)] : []),
  ];
  const head = ['', 'cost/1k', 'relative cost', 'quality', 'harm', `answered by ${targets[0]}`, 'p95', 'TTFT p95', 'added by buffering'];
  return table(head, rows);
}

/** As in a paper: each threshold, what it would do, and how surely. */
function sequenceTable({ tested, notReached, confidence, loss, lossMax }: Certificate, table: Table): string {
  const shown = [...tested.slice(-20), ...notReached];
  const reached = new Set<TestedThreshold>(tested);
  const verdict = (t: TestedThreshold): string => (!reached.has(t) ? 'not reached' : t.p <= 1 - confidence ? 'holds' : 'stops here');
  const rows = shown.map(t => [
    numbers(t.thresholds),
    t.accept.toFixed(4),
    t.quality.toFixed(4),
    Number.isFinite(t.relativeCost) ? t.relativeCost.toFixed(4) : none,
    `${t.worse}/${t.better}`,
    t.p >= 0.00005 ? t.p.toFixed(4) : t.p.toExponential(1),
    t.lossUpper === null ? none : percent2(t.lossUpper),
    verdict(t),
  ]);
  const hidden = tested.length - Math.min(20, tested.length);
  const more = hidden > 0 ? `\n${count(hidden, 'stricter threshold')} before these held as well.` : '';
  const p = `p, ${loss} ≤ ${Number((lossMax * 100).toFixed(3))} %`;
  return `${table(['threshold', 'accept', 'quality', 'rel. cost', 'harm/gain', p, '95 % upper harm'.replace('95', String(Number((confidence * 100).toFixed(2)))), ''], rows)}${more}`;
}

const percent2 = (share: number): string => `${(share * 100).toFixed(2)} %`;

function remarks({ certified, always, slices, measuredOn, reference, loss, ...rest }: Certificate): string[] {
  const { conversationCap, requestsBeyondCap } = rest;
  const mix = certified!.vsRandomMix;
  const held =
    certified!.firstTokenMs && always.firstTokenMs ? certified!.firstTokenMs.p95.value - always.firstTokenMs.p95.value : undefined;
  return [
    ...(mix
      ? [
          `A random mix of the targets at the same cost: the chain is ${withInterval(mix, points)} ${mix.low > 0 ? 'better' : mix.high < 0 ? 'worse' : 'apart, which may be nothing'}.`,
        ]
      : []),
    ...(held === undefined
      ? []
      : [`The first token comes ${difference(milliseconds)(held)} at the p95, because answers are held until they are judged.`]),
    ...(requestsBeyondCap > 0
      ? [`The claim is about requests 1 to ${conversationCap} of their conversation; ${count(requestsBeyondCap, 'request')} lie beyond.`]
      : []),
    ...slices.map(s =>
      s.certified
        ? `certified also for ${s.tag}=${s.value || '(none)'}  (n = ${s.items}, ${loss} ${percent(s.loss)}, p = ${s.p.toPrecision(2)})`
        : `not certified: ${s.tag}=${s.value || '(none)'}  (n = ${s.items}, ${loss} ${percent(s.loss)}${s.needed === null ? '; its own loss is not below the bound' : `; needs about ${s.needed.toLocaleString('en')} more`})`,
    ),
    ...(measuredOn === 'certify'
      ? [`The estimates are of the requests that the threshold was chosen on, so they flatter it; the certificate does not.`]
      : []),
    ...(certified!.savesNothing ? [`Nothing is saved against ${reference}: the certificate is true and of no use.`] : []),
  ];
}

/** The requests that would do if nothing were lost; undefined where more data are no answer. */
function neededFor({ loss, lossMax, confidence, items, tested }: Certificate): number | undefined {
  if (tested.length === 0) return undefined;
  const delta = 1 - confidence;
  const needed =
    loss === 'harm'
      ? sizeForHarm({ harmMax: lossMax, harm: 0, delta, power: 0.8 })
      : sizeForNetLoss({ lossMax, loss: 0, differing: 0.05, delta, power: 0.8, designEffect: 1 });
  return needed > items ? needed : undefined;
}
