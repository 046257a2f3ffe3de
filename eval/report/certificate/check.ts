/** Whether a certificate still holds, in plain words. */
import type { CertificateFile, Expiry } from '../../certify/expiry.ts';
import { count, percent } from '../shared/format.ts';

const words = {
  fresh: 'FRESH: the traffic is still what the certificate was given for.',
  drifting: 'DRIFTING: the certificate holds, but the traffic begins to differ from what it was given for.',
  expired: 'EXPIRED: certify anew.',
  unknown: 'UNKNOWN: there are too few answers to tell.',
} as const;

export function checkText({ file, issuedAt, chain, baseline, signal }: CertificateFile, { verdict, reasons, drift }: Expiry): string {
  return [
    words[verdict],
    '',
    `${file}   chain ${chain}   signal ${signal}   issued ${issuedAt.slice(0, 10)}   ${count(drift.items, 'request')} looked at`,
    ...reasons.map(reason => `  ${reason}`),
    ...drift.perTarget.map(
      ({ target, psi, answers }, k) =>
        `  ${target}: PSI ${psi.toFixed(3)} over ${count(answers, 'answer')}; accepted ${percent(drift.accepted[k]!)}, was ${percent(baseline.accepted[k]!)}`,
    ),
  ].join('\n');
}
