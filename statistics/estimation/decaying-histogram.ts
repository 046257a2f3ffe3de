/** Recent distribution of a quantity: counts in buckets a quarter octave wide, with exponential decay. */

/** By bucket. */
export type DecayingHistogram = ReadonlyMap<number, number>;

export const emptyHistogram: DecayingHistogram = new Map();

const bucketsPerOctave = 4;
const decayFactor = 0.98;
const samplesMin = 20;

const weightMin = 0.01;
const bucketOf = (value: number): number => Math.ceil(bucketsPerOctave * Math.log2(Math.max(1, value)));

/** The histogram with one more sample; the given one stays as it is. */
export function withSample(histogram: DecayingHistogram, value: number): DecayingHistogram {
  const next = new Map(histogram);
  addSample(next, value);
  return next;
}

/** The same in place, for the owner of the histogram. */
export function addSample(histogram: Map<number, number>, value: number): void {
  histogram.forEach(decay);
  const bucket = bucketOf(value);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
}

/** A function for all histograms: an iterator would make a pair for each bucket. */
function decay(weight: number, bucket: number, histogram: Map<number, number>): void {
  const next = weight * decayFactor;
  if (next > weightMin) histogram.set(bucket, next);
  else histogram.delete(bucket);
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

/** The counts with one more of `word`; the given ones stay as they are. */
export function withCount<Word extends string>(tally: DecayingCounts<Word>, word: Word): DecayingCounts<Word> {
  const next = { ...tally };
  addCount(next, word);
  return next;
}

/** The same in place, for the owner of the counts. */
export function addCount<Word extends string>(tally: Partial<Record<Word, number>>, word: Word): void {
  for (const known in tally) {
    const next = tally[known]! * decayFactor;
    if (next > weightMin) tally[known] = next as (typeof tally)[typeof known];
    else delete tally[known];
  }
  tally[word] = ((tally[word] ?? 0) + 1) as (typeof tally)[Word];
}

/** The share of all counts; 0 without any. */
export function shareOfCount<Word extends string>(tally: DecayingCounts<Word>, word: Word): number {
  let total = 0;
  for (const known of Object.keys(tally) as Word[]) total += tally[known]!;
  return total === 0 ? 0 : (tally[word] ?? 0) / total;
}
