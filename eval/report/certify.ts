/** A certificate in plain words, with what it does and does not promise. */
import type { Certificate } from '../certify.ts';
import { sizeForHarm, sizeForNetLoss } from '../power.ts';
import { count, percent, points, withInterval } from './format.ts';

export function certificateText(certificate: Certificate, label: string): string {
  const { chain, reference, certified, confidence, lossMax, loss, items, clusters, method, tested } = certificate;
  const what = loss === 'harm' ? 'harm' : 'net loss of quality';
  const bound = `${Number((lossMax * 100).toFixed(3))} pp`;
  const level = `${Number((confidence * 100).toFixed(2))} %`;
  const head = `chain ${chain}   quality: ${label}   n = ${count(items, 'request')}, ${count(clusters, 'cluster')}   ${method}, ${count(tested.length, 'threshold')} tested in fixed sequence`;
  if (!certified) {
    const more = neededFor(certificate);
    return [
      `INCONCLUSIVE: no threshold is certified; go on asking ${reference} always.`,
      '',
      head,
      tested.length > 0
        ? `At ${tested[0]!.threshold}, the strictest, the ${what} is ${percent(tested[0]!.loss)} (p = ${tested[0]!.p.toPrecision(2)}).`
        : `No answer of the first target shows ${certificate.signal}.`,
      more === undefined ? '' : `With a true ${what} of 0, about ${count(more, 'request')} would certify ${bound}.`,
    ]
      .join('\n')
      .trimEnd();
  }
  const upper = certified.lossUpper === null ? '' : ` (at most ${percent(certified.lossUpper)} with ${level} confidence)`;
  return [
    `CERTIFIED: threshold ${certified.threshold} keeps the ${what} at or below ${bound} against always asking ${reference}, with ${level} confidence.`,
    '',
    head,
    `  accepted by the first target  ${percent(certified.answered[0]!)}`,
    `  cost of always ${reference}  ${withInterval(certified.relativeCost, percent)}`,
    `  harm  ${percent(certified.harm.value)}${upper}   worse/better ${certified.worse}/${certified.better}`,
    `  quality  ${withInterval(certified.quality, percent)}   change ${withInterval(certified.qualityDelta, points)}`,
    '',
    `If future requests are exchangeable with these ${count(clusters, 'cluster')} and the labels are right, then with probability of at least ${level} over the choice of these data the expected ${what} of this threshold against ${reference} is at most ${bound}.`,
  ].join('\n');
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
