/** The certificate as a file: the promise, its data, and the baseline of the traffic, from which its expiry is detected. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CommandError, exit } from '../../../gateway/cli/command.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { version } from '../../../gateway/settings/version.ts';
import type { Certificate } from '../../certify/certify.ts';
import { baselineOf, modelsOf } from '../../certify/drift.ts';
import type { CertificateFile } from '../../certify/expiry.ts';
import type { Item } from '../../outcomes/outcomes.ts';
import { printOutcomes } from '../../outcomes/snapshot.ts';
import type { Chain } from '../../policies/chain.ts';
import { parseSignal, readText } from '../shared/options.ts';

/** The hash is that of `eval snapshot` of the judged requests. */
export function printCertificate(
  chain: Chain,
  items: readonly Item[],
  certificate: Certificate,
  { seed, report }: { readonly seed: number; readonly report: object },
): string {
  const { targets } = chain;
  const { certified, signal } = certificate;
  const file = {
    kind: 'hindcast-certificate',
    hindcast: version(),
    issued_at: new Date(wallClock.now()).toISOString(),
    seed,
    outcomes_sha256: createHash('sha256').update(printOutcomes(items, targets)).digest('hex'),
    ...report,
    baseline: certified ? { ...baselineOf(chain, items, signal, certified.thresholds), models: modelsOf(items, targets) } : null,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const share = z.number().min(0).max(1);
const schema = z.looseObject({
  kind: z.literal('hindcast-certificate'),
  verdict: z.enum(['certified', 'inconclusive']),
  issued_at: z.string(),
  chain: z.string(),
  targets: z.array(z.string()).min(2),
  signal: z.string(),
  loss: z.enum(['harm', 'net']),
  max_loss: z.number(),
  confidence: z.number(),
  thresholds: z.array(z.number()).min(1),
  conversation_cap: z.number().int().min(1).default(1),
  quality_from: z.string().default(''),
  baseline: z.object({
    signals: z.array(
      z.object({ target: z.string(), edges: z.array(z.number()), shares: z.array(share), silent: share, count: z.number().min(0) }),
    ),
    accepted: z.array(share),
    models: z.record(z.string(), z.array(z.string())),
  }),
});

/** The certificate in a file. Throws CommandError (exit code 2) that says what is wrong with it. */
export function readCertificate(file: string): CertificateFile {
  const refuse = (problem: string): CommandError =>
    new CommandError(exit.usage, `${file} ${problem}; hindcast eval certify -o ${file} makes one.`);
  let value: unknown;
  try {
    value = JSON.parse(readText(file, 'a certificate'));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw refuse('is no JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw refuse(`holds no certificate that was given: ${path.map(String).join('.') || 'the whole'}: ${message}`);
  }
  const { issued_at: issuedAt, chain, targets, signal, thresholds, baseline } = parsed.data;
  if (thresholds.length !== targets.length - 1) throw refuse('has not one threshold for each target but the last');
  const { models, ...drifting } = baseline;
  const { loss, max_loss: lossMax, confidence, conversation_cap: conversationCap, quality_from: qualityFrom } = parsed.data;
  const promise = { loss, lossMax, confidence, conversationCap, quality: /^scores named (.+)$/.exec(qualityFrom)?.[1] ?? 'agreement' };
  return { file, issuedAt, chain, targets, signal: parseSignal(signal), thresholds, ...promise, baseline: drifting, models };
}
