/** `hindcast eval check`: whether a certificate still fits the current traffic and chain. */
import { CommandError, exit, loadSettings, printResult } from '../../../gateway/cli/command.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { type Expiry, expiryOf } from '../../certify/expiry.ts';
import { thresholdsOf } from '../../policies/chain.ts';
import { checkText } from '../../report/certificate/check.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { readText, writeText } from '../shared/options.ts';
import { readCertificate } from './certificate-file.ts';

export interface CheckOptions extends Omit<ChainOptions, 'chain' | 'signal'> {
  readonly keep?: boolean;
}

export async function runCheck(file: string, options: CheckOptions): Promise<number> {
  const certificate = readCertificate(file);
  const { chain: named, targets } = certificate;
  const routes = options.outcomes === undefined || options.config !== undefined ? loadSettings(options).routes : undefined;
  const { chain, outcomes } = await chainAndOutcomes({ ...options, chain: routes?.has(named) ? named : targets.join(',') }, undefined, {
    liveOnly: options.run === undefined,
  });
  if (!outcomes.items.some(item => item.outcomes.has(targets[0]!)))
    throw new CommandError(exit.nothing, `Nothing is known of ${targets[0]}, so nothing can be said of ${file}.`);
  const configured = chain.configured ? { targets: chain.targets, thresholds: thresholdsOf(chain.policy, certificate.signal) } : undefined;
  const expiry = expiryOf(certificate, outcomes.items, configured);
  if (options.keep) writeStatus(file, expiry);
  printResult(options, { certificate: file, ...expiry }, () => checkText(certificate, expiry));
  return codeOf(expiry);
}

/** Where the gateway and `config check` look, which know no store. */
function writeStatus(file: string, { verdict, reasons }: Expiry): void {
  const certificate = JSON.parse(readText(file, 'a certificate')) as object;
  const checked = { at: new Date(wallClock.now()).toISOString(), verdict, reasons };
  writeText(file, `${JSON.stringify({ ...certificate, checked }, null, 2)}\n`);
}

const codeOf = ({ verdict }: Expiry): number =>
  verdict === 'expired' ? exit.failed : verdict === 'unknown' ? exit.inconclusive : exit.pass;
