/** The file that keeps a split and the certifications made on it, so that repeated looks are counted. */
import { z } from 'zod';
import { hashOf, type Split, type SplitRole } from './split.ts';

export interface ManifestUse {
  /** Of everything that was tried: chain, signal, constraints, thresholds. */
  readonly family: string;
  /** Of the requests it was tried on. */
  readonly data: string;
  /** The chance of a false certificate that it spent. */
  readonly delta: number;
  readonly at: string;
}

export interface SplitManifest {
  readonly split: Split;
  readonly uses: readonly ManifestUse[];
}

const role = z.enum(['tune', 'certify', 'audit']);
const share = z.number().min(0).max(1);
const schema = z.strictObject({
  kind: z.literal('hindcast-split'),
  version: z.literal(1),
  seed: z.int().min(0),
  shares: z.strictObject({ tune: share, certify: share, audit: share }),
  uses: z.array(z.strictObject({ family: z.string(), data: z.string(), delta: z.number().min(0).max(1), at: z.string() })),
  clusters: z.record(z.string().regex(/^[0-9a-f]{16}$/), role),
});

/** The manifest, or a string with the problem. */
export function parseManifest(text: string): SplitManifest | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is no JSON';
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return `is no split manifest: ${path.map(String).join('.') || 'the whole'}: ${message}`;
  }
  const { seed, shares, uses, clusters } = parsed.data;
  return { split: { seed, shares, roles: new Map(Object.entries(clusters) as [string, SplitRole][]) }, uses };
}

/** The manifest's text, with clusters in order. */
export function printManifest({ split: { seed, shares, roles }, uses }: SplitManifest): string {
  const clusters = Object.fromEntries([...roles].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ kind: 'hindcast-split', version: 1, seed, shares, uses, clusters }, null, 2)}\n`;
}

/** A short hash of what is certified. Certifications of one family on the same data count as one look. */
export const familyOf = (what: object): string => hashOf(JSON.stringify(what));

/**
 * The confidence that is left for this family. The same family on the same data is the same look. Another family costs: with spending the
 * k-th gets δ/2^k, so that all of them together stay within δ; without, the first family had all of it. A string is the reason why none is left.
 */
export function spendDelta(
  { uses }: Pick<SplitManifest, 'uses'>,
  current: { readonly family: string; readonly data: string; readonly delta: number; readonly spending: boolean },
): number | string {
  const earlier = uses.filter(use => use.data === current.data);
  const same = earlier.find(use => use.family === current.family);
  if (same) return same.delta;
  if (!current.spending) {
    return earlier.length === 0
      ? current.delta
      : `these requests were certified on ${earlier.length} time${earlier.length === 1 ? '' : 's'} already, with other candidates: a second look at them is not what the confidence promises. Use new requests, or --alpha-spending from the first look on`;
  }
  const left = current.delta - earlier.reduce((sum, use) => sum + use.delta, 0);
  return left > 1e-12 ? left / 2 : 'the whole chance of error was spent on these requests already; use new ones';
}
