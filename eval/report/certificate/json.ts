/** A certificate for scripts and files: `threshold`, `accept`, `relative_cost` and `harm` on top, shares as fractions. */
import type { Certificate, TestedThreshold } from '../../certify/certify.ts';
import type { Population } from '../../identification/population.ts';
import { measuredJson } from '../json.ts';

export function certificateJson(certificate: Certificate): object {
  const { chain, targets, reference, signal, loss, lossMax, confidence, method, procedure, items, clusters, certified } = certificate;
  return {
    verdict: certified ? certificate.mode : 'inconclusive',
    mode: certificate.mode,
    ...{ chain, targets, reference, signal, loss, max_loss: lossMax, confidence, method, procedure, items, clusters },
    population: populationJson(certificate.population),
    assumptions: certificate.assumptions,
    conversation_cap: certificate.conversationCap,
    requests_beyond_cap: certificate.requestsBeyondCap,
    constraints: certificate.constraints,
    threshold: certified?.thresholds.length === 1 ? certified.threshold : null,
    thresholds: certified?.thresholds ?? null,
    saves_nothing: certified?.savesNothing ?? null,
    ...(certified ? measuredJson(certified) : { accept: 0, relative_cost: null, harm: null }),
    loss_upper: certified?.lossUpper ?? null,
    over_mix: certified?.vsRandomMix ?? null,
    measured_on: certificate.measuredOn,
    split: certificate.split ?? null,
    always: measuredJson(certificate.always),
    current: certificate.current && { thresholds: certificate.current.thresholds, ...measuredJson(certificate.current) },
    tested: certificate.tested.map(testedJson),
    not_reached: certificate.notReached.map(testedJson),
    slices: certificate.slices,
  };
}

const populationJson = ({ requests, complete, targets, chanceMin }: Population): object => ({
  ...{ requests, complete, min_chance: chanceMin ?? null },
  targets: targets.map(({ target, asked, drawn, unlabelled, unknown }) => ({ target, asked, drawn, unlabelled, unknown })),
});

const testedJson = ({
  threshold,
  thresholds,
  accept,
  loss,
  p,
  quality,
  relativeCost,
  worse,
  better,
  lossUpper,
}: TestedThreshold): object => ({
  ...{ threshold: thresholds.length === 1 ? threshold : null, thresholds, accept, loss, p, quality },
  ...{ relative_cost: Number.isFinite(relativeCost) ? relativeCost : null, worse, better, loss_upper: lossUpper },
});
