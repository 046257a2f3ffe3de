/** Seeded randomness for resampling and shuffling: one seed draws the same numbers on every machine. */

/** Uniform in [0, 1). */
export type Random = () => number;

/** The sfc32 generator of Chris Doty-Humphrey. A counter fills its state from the seed; the first draws are discarded. */
export function randomGenerator(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, seed | 0, Math.floor(seed / 0x1_0000_0000) | 0, 1];
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/** An integer in [0, n), uniform. */
export const randomInteger = (draw: Random, n: number): number => Math.floor(draw() * n);

/** The same items in random order (Fisher and Yates). */
export function shuffled<Thing>(things: readonly Thing[], draw: Random): Thing[] {
  const order = [...things];
  for (let i = order.length - 1; i > 0; i--) {
    const j = randomInteger(draw, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** A standard normal draw (Box and Muller). */
export const normalDraw = (draw: Random): number => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
