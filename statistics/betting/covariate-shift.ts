/** Recorded requests reshaped to the mix of other traffic, for exact tests; estimated density ratios are for estimates only. */
import { seededUniform } from '../distributions/seeded-uniform.ts';
import type { Numbers } from '../estimation/clustered.ts';

/**
 * Indexes of the recorded requests that are kept so that they are a sample of the new traffic: each with chance ratio / ratioMax, by hash.
 * `ratios` are the known p_new(x) / p_recorded(x), at most `ratioMax`. The exact binomial is valid on what is kept.
 */
export function reshaped(ids: readonly string[], ratios: Numbers, ratioMax: number, seed: string): Int32Array {
  const kept: number[] = [];
  for (const [i, id] of ids.entries()) {
    if (!(ratios[i]! <= ratioMax)) throw new RangeError(`the ratio ${ratios[i]} is above its limit ${ratioMax}`);
    if (seededUniform(`shift ${seed}`, id) * ratioMax < ratios[i]!) kept.push(i);
  }
  return Int32Array.from(kept);
}

/**
 * Walks through the strata of new traffic and gives each the next unused recorded request of its stratum; ends where one runs out.
 * The result (indexes of recorded requests) is a sample of the new traffic as long as the loss within a stratum is unchanged. `recorded`
 * must be in an order that says nothing about the losses.
 */
export function matchedByStratum(recorded: readonly string[], incoming: Iterable<string>): Int32Array {
  const unused = new Map<string, number[]>();
  for (const [i, stratum] of recorded.entries()) {
    const list = unused.get(stratum);
    if (list) list.push(i);
    else unused.set(stratum, [i]);
  }
  const at = new Map<string, number>();
  const chosen: number[] = [];
  for (const stratum of incoming) {
    const k = at.get(stratum) ?? 0;
    const next = unused.get(stratum)?.[k];
    if (next === undefined) break;
    at.set(stratum, k + 1);
    chosen.push(next);
  }
  return Int32Array.from(chosen);
}
