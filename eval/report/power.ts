/** What a certificate takes, as text: how many more requests, at about which cost. */
import type { SampleSize } from '../certify/sample-size.ts';
import { count, dollars, none, percent } from './shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

interface PowerParameters {
  readonly loss: 'harm' | 'net';
  readonly lossMax: number;
  readonly confidence: number;
  readonly power: number;
}

export interface PowerReport extends PowerParameters {
  readonly chain: string;
  readonly signal: string;
  readonly reference: string;
  readonly label: string;
  readonly items: number;
  readonly clusters: number;
  /** Whether the config, or the caller, named the thresholds. */
  readonly thresholdsGiven: boolean;
  readonly sampleSizes: readonly SampleSize[];
  readonly notes: readonly string[];
}

const level = (share: number): string => `${Number((share * 100).toFixed(3))} %`;
const promise = ({ loss, lossMax, confidence }: PowerParameters): string =>
  `a ${loss === 'harm' ? 'harm' : 'net loss'} of at most ${Number((lossMax * 100).toFixed(3))} pp with ${level(confidence)} confidence`;

/** The report for the terminal. */
export function powerText(report: PowerReport, table: Table): string {
  const { sampleSizes, items, clusters, chain, label, reference } = report;
  const head = `chain ${chain}   quality: ${label}   n = ${count(items, 'request')}, ${count(clusters, 'cluster')}   chance of success: ${level(report.power)}`;
  return [
    powerSentence(report),
    ...['', head, ''],
    table(
      ['threshold', 'accepted', report.loss, 'differing', 'requests', 'more', 'about'],
      sampleSizes.map(need => [
        need.thresholds.join(', '),
        percent(need.accept),
        percent(need.loss),
        percent(need.differing),
        need.requests === null ? none : need.requests.toLocaleString('en'),
        need.more === null ? none : need.more.toLocaleString('en'),
        need.usd === null ? none : dollars(need.usd),
      ]),
    ),
    '',
    `– where the ${report.loss} itself is not below the bound: no number of requests would show that it is. Certifying walks from the strictest threshold down;`,
    `the stricter ones need to hold as well. Money is that of asking more requests of every target of the chain; what is recorded of ${reference} costs nothing.`,
    ...report.notes,
  ].join('\n');
}

/** One sentence: how many more requests certify, and what labels for them cost. */
export function powerSentence(report: PowerReport): string {
  const { sampleSizes, thresholdsGiven, reference } = report;
  const best = sampleSizes.filter(need => need.requests !== null).toSorted((a, b) => b.accept - a.accept);
  const pick = best.find(need => need.more === 0 || thresholdsGiven) ?? best[0];
  if (!pick)
    return `No threshold here can show ${promise(report)}: the measured ${report.loss} is not below it. Keep using ${reference}, or allow more.`;
  const at = (need: SampleSize): string => `${need.thresholds.join(', ')} (${percent(need.accept)} accepted)`;
  const more = (need: SampleSize): string => `${count(need.more!, 'more request')}${need.usd === null ? '' : `, ≈ ${dollars(need.usd)}`}`;
  if (pick.more !== 0) return `Threshold ${at(pick)} needs ${more(pick)}, to show ${promise(report)}.`;
  const next = thresholdsGiven ? undefined : best.filter(need => need.accept > pick.accept).at(-1);
  const further = next ? ` ${at(next)} needs ${more(next)}.` : '';
  return `Threshold ${at(pick)} needs no more requests to show ${promise(report)}: hindcast eval certify.${further}`;
}

/** Without data: the sizes for what may be. */
export interface PlannedSize {
  readonly loss: number;
  readonly harm: number | null;
  /** By the share of the requests that come out differently. */
  readonly net: readonly { readonly differing: number; readonly requests: number | null }[];
}

/** Sample sizes before any traffic, for the terminal. */
export function planText(question: Omit<PowerParameters, 'loss'>, sizes: readonly PlannedSize[], table: Table): string {
  const size = (n: number | null): string => (n === null ? none : n.toLocaleString('en'));
  const [first] = sizes;
  return [
    `Requests to show a loss of at most ${Number((question.lossMax * 100).toFixed(3))} pp with ${level(question.confidence)} confidence, in ${level(question.power)} of the cases:`,
    '',
    table(
      ['true loss', 'harm (yes or no)', ...(first?.net ?? []).map(({ differing }) => `net, ${level(differing)} differ`)],
      sizes.map(({ loss, harm, net }) => [level(loss), size(harm), ...net.map(({ requests }) => size(requests))]),
    ),
    '',
    'For independent requests; conversations multiply it by their design effect. With --chain the numbers come from your own outcomes.',
  ].join('\n');
}

/** What `eval power --json` prints. */
export const powerJson = (report: PowerReport): object => ({
  ...{ chain: report.chain, reference: report.reference, signal: report.signal, quality_from: report.label },
  ...{ loss: report.loss, max_loss: report.lossMax, confidence: report.confidence, power: report.power },
  ...{ items: report.items, clusters: report.clusters },
  thresholds: report.sampleSizes.map(need => ({
    ...{ threshold: need.thresholds.length === 1 ? need.thresholds[0] : null, thresholds: need.thresholds, accept: need.accept },
    ...{ loss: need.loss, differing: need.differing, design_effect: need.designEffect },
    ...{ requests: need.requests, more: need.more, usd: need.usd },
  })),
  notes: report.notes,
});
