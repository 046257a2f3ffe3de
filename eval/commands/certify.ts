/** `hindcast eval certify`. */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { CommandError, exit, note, result, settingsOf } from '../../gateway/cli.ts';
import { wallClock } from '../../gateway/clock.ts';
import { version } from '../../gateway/version.ts';
import { type Certificate, certify } from '../certify.ts';
import type { Chain } from '../chain.ts';
import { writeThreshold } from '../config-edit.ts';
import { printOutcomes } from '../outcomes/snapshot.ts';
import { complete, type Item } from '../outcomes.ts';
import { certificateText } from '../report/certify.ts';
import { certificateJson } from '../report/json.ts';
import { type ChainOptions, chainAndOutcomes } from './chain.ts';
import { nothingComplete, selectionNote } from './data.ts';
import { lossOf, parseConfidence, parsePoints, parseSeed, parseSignal, writeText } from './options.ts';

export interface CertifyCommandOptions extends ChainOptions {
  readonly maxLoss: string;
  readonly loss: string;
  readonly confidence: string;
  readonly seed: string;
  readonly write?: boolean;
  readonly output?: string;
}

export async function runCertify(options: CertifyCommandOptions): Promise<number> {
  const settings = {
    signal: parseSignal(options.signal),
    loss: lossOf(options.loss),
    lossMax: parsePoints(options.maxLoss),
    confidence: parseConfidence(options.confidence),
    seed: parseSeed(options.seed),
  };
  const edited = options.write ? routeToEdit(options) : undefined;
  const { chain, outcomes } = await chainAndOutcomes(options);
  if (chain.targets.length > 2) {
    throw new CommandError(exit.usage, `--chain ${chain.name}: certifying more than two targets is not available yet; certify each pair.`);
  }
  const kept = complete(outcomes.items, chain.targets);
  if (kept.items.length === 0) throw nothingComplete(chain.targets, kept, options.outcomes !== undefined);
  const certificate = certify(chain, kept, settings);
  const notes = [...outcomes.notes, ...selectionNote(kept.dropped, kept.known)];
  const told = { ...certificateJson(certificate), quality_from: outcomes.label, notes };
  if (certificate.certified && edited !== undefined) writeConfig(edited, chain, certificate);
  if (options.output !== undefined) {
    writeText(options.output, `${JSON.stringify({ ...provenance(chain, kept.items, settings.seed), ...told }, null, 2)}\n`);
    note(`written: ${options.output}`);
  }
  result(options, told, () => [certificateText(certificate, outcomes.label), ...notes].join('\n'));
  return certificate.certified ? exit.pass : exit.inconclusive;
}

/** What a reader needs to hold a certificate against the data it was given for: the hash is that of `eval snapshot` of the judged requests. */
const provenance = ({ targets }: Chain, items: readonly Item[], seed: number): object => ({
  kind: 'hindcast-certificate',
  hindcast: version(),
  issued_at: new Date(wallClock.now()).toISOString(),
  targets,
  seed,
  outcomes_sha256: createHash('sha256').update(printOutcomes(items, targets)).digest('hex'),
});

/** Said before any work is done. */
function routeToEdit(options: CertifyCommandOptions): string {
  const { file, routes } = settingsOf(options);
  if (file === undefined) throw new CommandError(exit.usage, '--write needs a config file to write to; name it with --config.');
  if (routes.has(options.chain)) return file;
  throw new CommandError(exit.usage, `--write needs a route of ${file}, not targets: --chain ${[...routes.keys()][0] ?? 'ROUTE'}.`);
}

/** The new text is checked as a config beside the old one before it takes its place, in one step, no more readable than that was. */
function writeConfig(named: string, chain: Chain, { signal, certified }: Certificate): void {
  const { threshold } = certified!;
  const file = realpathSync(named);
  const edited = writeThreshold(readFileSync(file, 'utf8'), { route: chain.name, target: chain.targets[0]!, signal, threshold });
  if (!edited.ok) throw new CommandError(exit.usage, `${file}: ${edited.problem}.`);
  const beside = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(beside, edited.text, { mode: statSync(file).mode & 0o777 });
    settingsOf({ config: beside });
    renameSync(beside, file);
  } finally {
    rmSync(beside, { force: true });
  }
  note(`written: ${file}: routes.${chain.name} accepts ${chain.targets[0]} at ${signal} ${threshold}`);
}
