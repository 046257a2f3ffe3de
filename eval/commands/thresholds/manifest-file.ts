/** `--manifest FILE`: the split and its uses, read before a certificate and written after it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { CommandError, exit } from '../../../gateway/cli/command.ts';
import type { Instant } from '../../../gateway/core/shared/time.ts';
import type { CertificationData, CertifyOptions } from '../../certify/certify.ts';
import { constraintsOf } from '../../certify/certify.ts';
import { splitOf } from '../../certify/split.ts';
import { familyOf, parseManifest, printManifest, type SplitManifest, spendDelta } from '../../certify/split-manifest.ts';
import { printOutcomes } from '../../outcomes/snapshot.ts';
import type { Chain } from '../../policies/chain.ts';
import { readText, writeText } from '../shared/options.ts';

export interface ManifestFile {
  readonly file: string;
  /** Undefined until there is one. */
  readonly manifest: SplitManifest | undefined;
  readonly spending: boolean;
}

/** The manifest, or a new one; undefined without a file. Throws CommandError for a file that is none. */
export function openManifest(file: string | undefined, spending: boolean): ManifestFile | undefined {
  if (file === undefined) {
    if (spending) throw new CommandError(exit.usage, '--alpha-spending needs --manifest FILE, which remembers what was spent.');
    return undefined;
  }
  if (!existsSync(file)) return { file, spending, manifest: undefined };
  const manifest = parseManifest(readText(file, 'a split manifest'));
  if (typeof manifest === 'string') throw new CommandError(exit.usage, `${file} ${manifest}.`);
  return { file, spending, manifest };
}

export interface DeltaSpent {
  readonly file: string;
  readonly delta: number;
  /** This one included. */
  readonly looks: number;
  /** Writes the manifest. */
  save(): void;
}

/** The error probability left for this certification, and `save`, which records its use. Throws CommandError when none is left. */
export function spendFromManifest(
  { file, manifest, spending }: ManifestFile,
  certification: { readonly chain: Chain; readonly settings: CertifyOptions; readonly basis: CertificationData; readonly at: Instant },
): DeltaSpent {
  const { chain, settings, basis } = certification;
  const { signal, thresholds = 'every value', confidence, seed } = settings;
  const family = familyOf({ targets: chain.targets, signal, thresholds, confidence, seed, constraints: constraintsOf(settings) });
  const data = createHash('sha256').update(printOutcomes(basis.certifyItems, chain.targets)).digest('hex').slice(0, 16);
  const uses = manifest?.uses ?? [];
  const delta = spendDelta({ uses }, { family, data, delta: Number((1 - confidence).toFixed(12)), spending });
  if (typeof delta === 'string') throw new CommandError(exit.usage, `${file}: ${delta}.`);
  const known = uses.some(use => use.family === family && use.data === data);
  const all = known ? uses : [...uses, { family, data, delta, at: new Date(certification.at).toISOString() }];
  const split = basis.split ?? manifest?.split ?? splitOf([], seed);
  return {
    file,
    delta,
    looks: all.filter(use => use.data === data).length,
    save: () => writeText(file, printManifest({ split, uses: all })),
  };
}
