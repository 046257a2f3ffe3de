/** How a quantity was spread lately: counts in buckets a quarter octave wide, of which old ones fade. */

/** By bucket. */
export type Spread = ReadonlyMap<number, number>;

export const emptySpread: Spread = new Map();

const bucketsPerOctave = 4;
const fade = 0.98;
const samplesMin = 20;

export function withSample(spread: Spread, value: number): Spread {
  const bucket = Math.ceil(bucketsPerOctave * Math.log2(Math.max(1, value)));
  const next = new Map<number, number>();
  for (const [b, weight] of spread) if (weight * fade > 0.01) next.set(b, weight * fade);
  return next.set(bucket, (next.get(bucket) ?? 0) + 1);
}

/** To a quarter octave; undefined before there is enough to tell. */
export function quantileOf(spread: Spread, q: number): number | undefined {
  let total = 0;
  for (const weight of spread.values()) total += weight;
  if (total < samplesMin) return undefined;
  let seen = 0;
  for (const [bucket, weight] of [...spread].sort(([a], [b]) => a - b)) {
    seen += weight;
    if (seen >= q * total) return 2 ** (bucket / bucketsPerOctave);
  }
  return undefined;
}

/** Counts of which old ones fade as new ones come. */
export type Tally<Word extends string> = Readonly<Partial<Record<Word, number>>>;

export function counted<Word extends string>(tally: Tally<Word>, word: Word): Tally<Word> {
  const next: Partial<Record<Word, number>> = {};
  for (const known of Object.keys(tally) as Word[]) if (tally[known]! * fade > 0.01) next[known] = tally[known]! * fade;
  next[word] = (next[word] ?? 0) + 1;
  return next;
}

/** Of all that was counted; 0 when nothing was. */
export function shareOf<Word extends string>(tally: Tally<Word>, word: Word): number {
  let total = 0;
  for (const known of Object.keys(tally) as Word[]) total += tally[known]!;
  return total === 0 ? 0 : (tally[word] ?? 0) / total;
}
