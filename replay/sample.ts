/** Which of the selected requests are asked, and how many each stands for: duplicates collapsed, then a sample drawn by hash, so that a rerun draws the same. */
import { createHash } from 'node:crypto';
import type { Candidate } from './source.ts';

export interface Sampling {
  /** Undefined takes all. */
  readonly count?: number;
  readonly wholeConversations: boolean;
  /** Requests that say the same are asked once, with their number as weight. */
  readonly collapse: boolean;
  readonly seed: string;
}

export interface Drawn {
  readonly id: string;
  readonly weight: number;
}

/** In the order of the candidates. */
export function sample(candidates: readonly Candidate[], { count, wholeConversations, collapse, seed }: Sampling): readonly Drawn[] {
  const units = unitsOf(collapse ? collapsed(candidates) : candidates.map(candidate => ({ ...candidate, copies: 1 })), wholeConversations);
  const total = units.reduce((sum, unit) => sum + unit.members.length, 0);
  const chosen = count === undefined || count >= total ? units.map(unit => ({ unit, factor: 1 })) : drawn(units, count, total, seed);
  const weights = new Map(chosen.flatMap(({ unit, factor }) => unit.members.map(member => [member.id, member.copies * factor] as const)));
  return candidates.flatMap(({ id }) => (weights.has(id) ? [{ id, weight: weights.get(id)! }] : []));
}

type Counted = Candidate & { readonly copies: number };

/** The first of those that say the same stands for all of them. */
function collapsed(candidates: readonly Candidate[]): readonly Counted[] {
  const first = new Map<string, Candidate>();
  const copies = new Map<string, number>();
  for (const candidate of candidates) {
    const key = `${candidate.stratum}\0${candidate.prompt}`;
    if (!first.has(key)) first.set(key, candidate);
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  return [...first].map(([key, candidate]) => ({ ...candidate, copies: copies.get(key)! }));
}

/** What is drawn or left as one: a request, or a conversation. */
interface Unit {
  readonly key: string;
  readonly stratum: string;
  readonly members: readonly Counted[];
}

function unitsOf(candidates: readonly Counted[], whole: boolean): readonly Unit[] {
  if (!whole) return candidates.map(candidate => ({ key: candidate.id, stratum: candidate.stratum, members: [candidate] }));
  const groups = Map.groupBy(candidates, ({ conversation, id }) => (conversation === '' ? id : `c ${conversation}`));
  // A conversation that touches several strata counts in one, whatever the order.
  return [...groups].map(([key, members]) => ({ key, stratum: members.map(({ stratum }) => stratum).sort()[0]!, members }));
}

/** Each stratum gives its share, at least one unit; in it those of the lowest hashes. Their weights make up for those that were left. */
function drawn(units: readonly Unit[], count: number, total: number, seed: string): { unit: Unit; factor: number }[] {
  const strata = Map.groupBy(units, unit => unit.stratum);
  const sizes = [...strata].map(([stratum, members]) => ({ stratum, size: members.reduce((sum, unit) => sum + unit.members.length, 0) }));
  const quotas = quotasOf(sizes, count, total);
  return [...strata].flatMap(([stratum, members]) => {
    const ranked = members
      .map(unit => ({ unit, rank: createHash('sha256').update(`${seed} ${unit.key}`).digest('hex') }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    const taken: Unit[] = [];
    let size = 0;
    for (const { unit } of ranked) {
      if (size >= quotas.get(stratum)!) break;
      taken.push(unit);
      size += unit.members.length;
    }
    const copies = (some: readonly Unit[]): number => some.flatMap(unit => unit.members).reduce((sum, member) => sum + member.copies, 0);
    const factor = copies(members) / copies(taken);
    return taken.map(unit => ({ unit, factor }));
  });
}

/** Proportional, by largest remainder. */
function quotasOf(sizes: readonly { stratum: string; size: number }[], count: number, total: number): ReadonlyMap<string, number> {
  const shares = sizes.map(({ stratum, size }) => ({ stratum, size, exact: (size * count) / total }));
  const quotas = new Map(shares.map(({ stratum, exact }) => [stratum, Math.max(1, Math.floor(exact))]));
  let left = count - [...quotas.values()].reduce((sum, quota) => sum + quota, 0);
  for (const { stratum, size } of shares.toSorted((a, b) => (b.exact % 1) - (a.exact % 1) || (a.stratum < b.stratum ? -1 : 1))) {
    if (left <= 0) break;
    if (quotas.get(stratum)! >= size) continue;
    quotas.set(stratum, quotas.get(stratum)! + 1);
    left--;
  }
  return quotas;
}
