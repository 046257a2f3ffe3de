/** Deterministic randomness: every random choice follows from the request's id, so that it can be repeated. */

/** A number in [0, 1), uniform, determined by seed and label. FNV-1a with a murmur3 finaliser. */
export function seededUniform(seed: string, label: string): number {
  let h = 0x811c9dc5;
  for (const text of [seed, '\u0000', label]) {
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return (h >>> 0) / 0x1_0000_0000;
}
