/** A run's pairs: original and replayed responses, or the responses of two runs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import type { Store } from '../../recorder/store/store.ts';
import { loadPairs, type ReplayedRequest } from '../recorded/requests.ts';
import { turnsOf } from '../recorded/turns.ts';
import { progressOf } from '../run/journal.ts';
import { journalPath, readRun, runFolder } from '../run/run-folder.ts';
import { diff, type PairVerdict } from './diff.ts';
import type { Pair } from './totals.ts';

export interface PairedReplay extends ReplayedRequest {
  readonly pair: Pair;
}

export interface PairOptions {
  /** Leaves out earlier requests, for shadows that never end. */
  readonly since?: Instant | undefined;
  /** Of files of bare requests, too, whose answers are in no record. */
  readonly withBare?: boolean;
  readonly unordered?: ReadonlySet<string>;
}

/** Of a run by its id. */
export async function pairsOfRun(
  store: Store,
  settings: Settings,
  run: string,
  { since, withBare = false, unordered = new Set() }: PairOptions = {},
): Promise<readonly PairedReplay[]> {
  const kept = existsSync(join(runFolder(settings.store.path, run), 'manifest.json')) ? readRun(settings.store.path, run) : undefined;
  const items = new Map((kept?.items ?? []).map(item => [item.id, item]));
  const originals = new Map([...items].flatMap(([id, { request }]) => (request ? [[id, request] as const] : [])));
  const replayed = await loadPairs(store, run, { originals, ...(since === undefined ? {} : { since }) });
  const isFree = (kept?.manifest.options as { conversation?: string } | undefined)?.conversation === 'free';
  const found = isFree ? await withTurnEnds(store, replayed) : replayed;
  if (found.length === 0)
    throw new CommandError(exit.nothing, emptyText(settings, run, kept?.manifest.options as { maxCost?: string } | undefined));
  // Of a file of bare requests nothing is recorded that could be compared.
  const all = withBare ? found : found.filter(({ original }) => original.answer.outcome !== '');
  if (all.length === 0) {
    throw new CommandError(
      exit.nothing,
      `The requests of run ${run} have no recorded response. Compare two runs: hindcast replay diff RUN OTHER`,
    );
  }
  const verdicts = await verdictsOf(store, all, verdictName);
  return all.map(one => {
    const { original, replay } = one;
    const pair: Pair = {
      id: original.id,
      cluster: original.conversation || original.id,
      weight: items.get(original.id)?.weight ?? 1,
      recorded: original.answer,
      replayed: replay.answer,
      diff: diff(original.answer, replay.answer, { judged: verdicts.get(replay.id), unordered }),
    };
    return { ...one, pair };
  });
}

/** Replayed turns are compared by their final response. */
async function withTurnEnds(store: Store, pairs: readonly ReplayedRequest[]): Promise<readonly ReplayedRequest[]> {
  const requests = [...new Map(pairs.map(({ original }) => [original.id, original])).values()];
  const { of } = await turnsOf(store, requests);
  return pairs.map(pair => {
    const last = of.get(pair.original.id)?.calls.at(-1);
    return last ? { ...pair, original: { ...pair.original, answer: last.answer } } : pair;
  });
}

/** Pairs of two runs by arm name, or of their only arms. The first run takes the place of the record. */
export async function pairsBetweenRuns(
  store: Store,
  base: { readonly run: string; readonly pairs: readonly PairedReplay[] },
  head: { readonly pairs: readonly PairedReplay[] },
  unordered: ReadonlySet<string>,
): Promise<readonly PairedReplay[]> {
  const arms = (some: readonly PairedReplay[]): ReadonlySet<string> => new Set(some.map(one => one.arm));
  const alone = arms(base.pairs).size === 1 && arms(head.pairs).size === 1;
  const key = ({ arm, repeat, original }: PairedReplay): string => JSON.stringify([alone ? '' : arm, repeat, original.id]);
  const before = new Map(base.pairs.map(one => [key(one), one.replay.answer]));
  const verdicts = await verdictsOf(store, head.pairs, verdictNameAgainst(base.run));
  return head.pairs.flatMap(one => {
    const recorded = before.get(key(one));
    const judged = verdicts.get(one.replay.id);
    return recorded ? [{ ...one, pair: { ...one.pair, recorded, diff: diff(recorded, one.pair.replayed, { judged, unordered }) } }] : [];
  });
}

/** The score in which a judge's word on a replayed answer is kept: 1 for one that does as well as the record, 0 for one that does not. */
export const verdictName = 'equivalent';
/** The same where it was held against another run's answer. */
export const verdictNameAgainst = (run: string): string => `${verdictName} to ${run}`;

async function verdictsOf(store: Store, pairs: readonly ReplayedRequest[], name: string): Promise<ReadonlyMap<string, PairVerdict>> {
  const ids = pairs.map(({ replay }) => replay.id);
  const verdicts = new Map<string, PairVerdict>();
  for (let i = 0; i < ids.length; i += idsPerQuery) {
    const rows = await store.select<{ id: string; score: number }>(
      'SELECT toString(request_id) AS id, avg(value) AS score FROM scores FINAL WHERE name = {name: String} AND request_id IN {ids: Array(UUID)} GROUP BY id',
      { name, ids: ids.slice(i, i + idsPerQuery) },
    );
    for (const { id, score } of rows) verdicts.set(id, verdictOf(score));
  }
  return verdicts;
}

/** 0.5 is the score of a judge that changes its mind with the order, or of two that contradict each other. */
export const verdictOf = (score: number): PairVerdict => ({
  likeness: score > 0.5 ? 'equivalent' : score < 0.5 ? 'different' : 'undecided',
});

const idsPerQuery = 1_000;

function emptyText(settings: Settings, run: string, options: { maxCost?: string } | undefined): string {
  if (run === 'shadow' || run === 'audit')
    return `There is no ${run} request in this time. A route's \`${run === 'shadow' ? 'shadow' : 'audit_probability'}\` sends them.`;
  if (!options) return `Run ${run} has recorded nothing.`;
  const { done, failed } = progressOf(journalPath(runFolder(settings.store.path, run)));
  if (done > 0)
    return `Run ${run} made ${done} calls (${failed} without a response), and none of them is in the store yet. Try again in a moment.`;
  const cap = options.maxCost === undefined ? '' : `: not even the first call fits under --max-cost ${options.maxCost}`;
  return `Run ${run} has made no call${cap}. To go on: hindcast replay resume ${run}${options.maxCost === undefined ? '' : ' --max-cost MORE'}`;
}
