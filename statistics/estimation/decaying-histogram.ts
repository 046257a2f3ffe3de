/** Recent distribution of a quantity: counts in buckets a quarter octave wide, with exponential decay. */

/** By bucket. */
export type DecayingHistogram = ReadonlyMap<number, number>;

export const emptyHistogram: DecayingHistogram = new Map();

const bucketsPerOctave = 4;
const decayFactor = 0.98;
const samplesMin = 20;

export function withSample(histogram: DecayingHistogram, value: number): DecayingHistogram {
  const bucket = Math.ceil(bucketsPerOctave * Math.log2(Math.max(1, value)));
  const next = new Map<number, number>();
  for (const [b, weight] of histogram) if (weight * decayFactor > 0.01) next.set(b, weight * decayFactor);
  return next.set(bucket, (next.get(bucket) ?? 0) + 1);
}

/** Accurate to a quarter octave; undefined with too few samples. */
export function histogramQuantile(histogram: DecayingHistogram, q: number): number | undefined {
  let total = 0;
  for (const weight of histogram.values()) total += weight;
  if (total < samplesMin) return undefined;
  let cumulative = 0;
  for (const [bucket, weight] of [...histogram].sort(([a], [b]) => a - b)) {
    cumulative += weight;
    if (cumulative >= q * total) return 2 ** (bucket / bucketsPerOctave);
  }
  return undefined;
}

/** Counts with exponential decay by later counts. */
export type DecayingCounts<Word extends string> = Readonly<Partial<Record<Word, number>>>;

export function withCount<Word extends string>(tally: DecayingCounts<Word>, word: Word): DecayingCounts<Word> {
  const next: Partial<Record<Word, number>> = {};
  for (const known of Object.keys(tally) as Word[]) if (tally[known]! * decayFactor > 0.01) next[known] = tally[known]! * decayFactor;
  next[word] = (next[word] ?? 0) + 1;
  return next;
}

/** The share of all counts; 0 without any. */
export function shareOfCount<Word extends string>(tally: DecayingCounts<Word>, word: Word): number {
  let total = 0;
  for (const known of Object.keys(tally) as Word[]) total += tally[known]!;
  return total === 0 ? 0 : (tally[word] ?? 0) / total;
}
