/** `hindcast eval certify`. */
import { CommandError, exit, result } from '../../gateway/cli.ts';
import { certify } from '../certify.ts';
import { complete } from '../outcomes.ts';
import { certificateText } from '../report/certify.ts';
import { certificateJson } from '../report/json.ts';
import { type ChainOptions, chainAndOutcomes } from './chain.ts';
import { nothingComplete, selectionNote } from './data.ts';
import { parseConfidence, parseSeed, parseSignal } from './options.ts';

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

function lossOf(text: string): 'harm' | 'net' {
  if (text === 'harm' || text === 'net') return text;
  throw new CommandError(exit.usage, `--loss ${text}: write harm (where it is worse) or net (less where it is better).`);
}

/** `2pp`, `2%` and `0.02` are the same. */
export function parsePoints(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?|\.\d+)\s*(pp|%)?$/.exec(text) ?? [];
  const share = digits === undefined ? Number.NaN : unit === undefined ? Number(digits) : Number(digits) / 100;
  if (share > 0 && share < 1) return share;
  throw new CommandError(exit.usage, `--max-loss ${text}: write percentage points above 0, such as 2pp or 0.5pp.`);
}
