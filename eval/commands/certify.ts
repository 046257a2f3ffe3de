/** `hindcast eval certify`. */
import { CommandError, exit, result } from '../../gateway/cli.ts';
import { certify } from '../certify.ts';
import { complete } from '../outcomes.ts';
import { certificateText } from '../report/certify.ts';
import { certificateJson } from '../report/json.ts';
import { type ChainOptions, chainAndOutcomes } from './chain.ts';
import { nothingComplete, selectionNote } from './data.ts';
import { lossOf, parseConfidence, parsePoints, parseSeed, parseSignal } from './options.ts';

export interface CertifyCommandOptions extends ChainOptions {
  readonly maxLoss: string;
  readonly loss: string;
  readonly confidence: string;
  readonly seed: string;
}

export async function runCertify(options: CertifyCommandOptions): Promise<number> {
  const settings = {
    signal: parseSignal(options.signal),
    loss: lossOf(options.loss),
    lossMax: parsePoints(options.maxLoss),
    confidence: parseConfidence(options.confidence),
    seed: parseSeed(options.seed),
  };
  const { chain, outcomes } = await chainAndOutcomes(options);
  if (chain.targets.length > 2) {
    throw new CommandError(exit.usage, `--chain ${chain.name}: certifying more than two targets is not available yet; certify each pair.`);
  }
  const kept = complete(outcomes.items, chain.targets);
  if (kept.items.length === 0) throw nothingComplete(chain.targets, kept, options.outcomes !== undefined);
  const certificate = certify(chain, kept, settings);
  const notes = [...outcomes.notes, ...selectionNote(kept.dropped, kept.known)];
  result(options, { ...certificateJson(certificate), quality_from: outcomes.label, notes }, () =>
    [certificateText(certificate, outcomes.label), ...notes].join('\n'),
  );
  return certificate.certified ? exit.pass : exit.inconclusive;
}
