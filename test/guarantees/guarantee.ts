/** One promise of the statistics and how often it is kept on data sets whose truth is known. */
import { type Random, randomGenerator } from '../../statistics/index.ts';

export type GuaranteeKind =
  /** The event is a false claim; its rate is at most `nominal`. */
  | 'false at most'
  /** The event is an interval that holds the truth, of those that were printed; at least 93.5 % of the time at a nominal 95 %. */
  | 'covers at least'
  /** The same, of intervals that are called asymptotic: at most 97.5 % as well, as they claim no more. */
  | 'covers about'
  /** The event is a claim that is true; shows that the test can decide. */
  | 'decides at least'
  /** Measured and printed, beyond what is claimed. */
  | 'told';

export interface Guarantee {
  readonly generator: string;
  readonly claim: string;
  readonly kind: GuaranteeKind;
  readonly nominal: number;
  /** Data sets of the long form, 1,000 by default, and of the short one; none there by default. */
  readonly runs?: number;
  readonly shortRuns?: number;
  /** One data set: whether the event happened; undefined where nothing was printed. */
  run(draw: Random): boolean | undefined;
}

export interface Measurement {
  readonly guarantee: Guarantee;
  readonly runs: number;
  /** Data sets for which something was printed. */
  readonly printed: number;
  readonly rate: number;
  readonly standardError: number;
  readonly isKept: boolean;
}

/** The same seeds give the same figures on every machine. */
export function measure(guarantee: Guarantee, runs: number): Measurement {
  let [events, printed] = [0, 0];
  const first = hash(`${guarantee.generator} ${guarantee.claim}`);
  for (let run = 0; run < runs; run++) {
    const event = guarantee.run(randomGenerator(first + run));
    if (event === undefined) continue;
    printed++;
    if (event) events++;
  }
  const isCoverage = guarantee.kind.startsWith('covers');
  const of = isCoverage ? printed : runs;
  const rate = of === 0 ? Number.NaN : events / of;
  return { guarantee, runs, printed, rate, standardError: Math.sqrt((rate * (1 - rate)) / of), isKept: isKept(guarantee, rate, of) };
}

function isKept({ kind, nominal }: Guarantee, rate: number, of: number): boolean {
  if (of === 0 || kind === 'told') return true;
  // Of the rate that is claimed: that of the measured one is 0 where nothing happened.
  const error = Math.sqrt((nominal * (1 - nominal)) / of);
  if (kind === 'false at most') return rate <= nominal + 3 * error;
  if (kind === 'decides at least') return rate >= nominal - 3 * error;
  const low = Math.min(nominal - 0.015, nominal - 3 * error);
  return rate >= low && (kind === 'covers at least' || rate <= Math.max(nominal + 0.025, nominal + 3 * error));
}

function hash(text: string): number {
  let h = 7;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0;
  return Math.abs(h) * 4_096;
}
