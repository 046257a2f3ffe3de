/** Sampling of selected requests: collapses duplicates, then draws by hash, so that a rerun draws the same sample with the same weights. */
import { createHash } from 'node:crypto';
import { deviationOf } from '../../statistics/index.ts';
import type { Candidate } from './requests.ts';

export interface Sampling {
  /** Undefined takes all. */
  readonly count?: number;
  readonly wholeConversations: boolean;
  /** Send equal requests once, with their number as weight. */
  readonly collapse: boolean;
  /** How the sample is allocated to strata: by size, or by size x standard deviation of cost, which narrows estimates of cost. */
  readonly allocation?: 'proportional' | 'neyman';
  readonly seed: string;
}

export interface WeightedRequestId {
  readonly id: string;
  readonly weight: number;
}

/** The drawn ids with their weights, in the order of the candidates. */
export function sample(
  candidates: readonly Candidate[],
  { count, wholeConversations, collapse, allocation = 'proportional', seed }: Sampling,
): readonly WeightedRequestId[] {
  const units = unitsOf(
    collapse ? collapseDuplicates(candidates) : candidates.map(candidate => ({ ...candidate, copies: 1 })),
    wholeConversations,
  );
  const total = units.reduce((sum, unit) => sum + unit.members.length, 0);
  const chosen =
    count === undefined || count >= total ? units.map(unit => ({ unit, factor: 1 })) : drawUnits(units, count, allocation, seed);
  const weights = new Map(chosen.flatMap(({ unit, factor }) => unit.members.map(member => [member.id, member.copies * factor] as const)));
  return candidates.flatMap(({ id }) => (weights.has(id) ? [{ id, weight: weights.get(id)! }] : []));
}

type CountedCandidate = Candidate & { readonly copies: number };

/** Keeps the first of equal requests, with their count. */
function collapseDuplicates(candidates: readonly Candidate[]): readonly CountedCandidate[] {
  const first = new Map<string, Candidate>();
  const copies = new Map<string, number>();
  for (const candidate of candidates) {
    const key = `${candidate.stratum}\0${candidate.prompt}`;
    if (!first.has(key)) first.set(key, candidate);
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  return [...first].map(([key, candidate]) => ({ ...candidate, copies: copies.get(key)! }));
}

/** The unit of sampling: a request, or a conversation. */
interface SamplingUnit {
  readonly key: string;
  readonly stratum: string;
  readonly members: readonly CountedCandidate[];
}

function unitsOf(candidates: readonly CountedCandidate[], whole: boolean): readonly SamplingUnit[] {
  if (!whole) return candidates.map(candidate => ({ key: candidate.id, stratum: candidate.stratum, members: [candidate] }));
  const groups = Map.groupBy(candidates, ({ conversation, id }) => (conversation === '' ? id : `c ${conversation}`));
  // A conversation in several strata counts in one of them, independent of the order.
  return [...groups].map(([key, members]) => ({ key, stratum: members.map(({ stratum }) => stratum).sort()[0]!, members }));
}

/** Draws each stratum's quota, at least one unit, by lowest hash. The weights scale the drawn units to the stratum. */
function drawUnits(
  units: readonly SamplingUnit[],
  count: number,
  allocation: NonNullable<Sampling['allocation']>,
  seed: string,
): { unit: SamplingUnit; factor: number }[] {
  const strata = Map.groupBy(units, unit => unit.stratum);
  const sizes = [...strata].map(([stratum, units]) => {
    const members = units.flatMap(unit => unit.members);
    return { stratum, size: members.length, deviation: deviationOf(members.map(({ costNanoUsd = 0 }) => costNanoUsd)) };
  });
  const isEven = allocation === 'proportional' || sizes.every(({ deviation }) => deviation === 0);
  const quotas = quotasOf(
    sizes.map(one => ({ ...one, share: one.size * (isEven ? 1 : one.deviation) })),
    count,
  );
  return [...strata].flatMap(([stratum, members]) => {
    const ranked = members
      .map(unit => ({ unit, rank: createHash('sha256').update(`${seed} ${unit.key}`).digest('hex') }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    const taken: SamplingUnit[] = [];
    let size = 0;
    for (const { unit } of ranked) {
      if (size >= quotas.get(stratum)!) break;
      taken.push(unit);
      size += unit.members.length;
    }
    const copies = (some: readonly SamplingUnit[]): number =>
      some.flatMap(unit => unit.members).reduce((sum, member) => sum + member.copies, 0);
    const factor = copies(members) / copies(taken);
    return taken.map(unit => ({ unit, factor }));
  });
}

interface Stratum {
  readonly stratum: string;
  readonly size: number;
  /** Relative share of the sample; any scale. */
  readonly share: number;
}

/** Quotas in proportion to the shares, by largest remainder: at least one and at most the stratum's size; the rest goes to other strata. */
function quotasOf(strata: readonly Stratum[], count: number): ReadonlyMap<string, number> {
  const sum = strata.reduce((total, { share }) => total + share, 0);
  const exact = new Map(strata.map(({ stratum, share }) => [stratum, (share * count) / sum]));
  const quotas = new Map(strata.map(({ stratum, size }) => [stratum, Math.min(size, Math.max(1, Math.floor(exact.get(stratum)!)))]));
  let left = count - [...quotas.values()].reduce((total, quota) => total + quota, 0);
  const inOrder = strata.toSorted((a, b) => (exact.get(b.stratum)! % 1) - (exact.get(a.stratum)! % 1) || (a.stratum < b.stratum ? -1 : 1));
  for (let moved = true; left > 0 && moved; ) {
    moved = false;
    for (const { stratum, size } of inOrder) {
      if (left <= 0 || quotas.get(stratum)! >= size) continue;
      quotas.set(stratum, quotas.get(stratum)! + 1);
      left--;
      moved = true;
    }
  }
  return quotas;
}
