/** The live requests of a watched route, with the harm that each audit shows. */
import type { Instant } from '../../../gateway/core/shared/time.ts';
import type { Settings } from '../../../gateway/settings/settings.ts';
import type { Store } from '../../../recorder/store/store.ts';
import type { WatchedRequest } from '../../certify/watch.ts';
import type { Item, Outcome } from '../../outcomes/outcomes.ts';
import { selectLive } from '../../outcomes/query.ts';
import { loadStoreOutcomes } from './store-outcomes.ts';

export interface WatchedRoute {
  readonly route: string;
  readonly targets: readonly string[];
  /** The name of a score, or `agreement`. */
  readonly quality: string;
}

const auditsMax = 1_000_000;

/** In the order of their time; of conversations that started at `from` or later. */
export async function loadWatchedRequests(
  store: Store,
  settings: Settings,
  { route, targets, quality }: WatchedRoute,
  from: Instant,
): Promise<readonly WatchedRequest[]> {
  const [rows, { items }] = [
    await selectLive(store, { route, targets, from }),
    await loadStoreOutcomes(store, settings, {
      ...{ targets, columns: [], judged: targets, quality, runs: ['audit'], weighted: true, drawnOnly: true, route },
      since: new Date(from).toISOString(),
      limit: auditsMax,
    }),
  ];
  const audits = new Map(items.flatMap(item => (item.outcomes.has(targets.at(-1)!) ? [[item.id, auditOf(item, targets)] as const] : [])));
  return rows.map(({ id, conversation, at }) => {
    const audit = audits.get(id);
    return { conversation, at: Number(at), ...(audit ? { audit } : {}) };
  });
}

/** The caller's response is that of the last target that the route itself called. */
function auditOf({ outcomes, weight = 1 }: Item, targets: readonly string[]): NonNullable<WatchedRequest['audit']> {
  const served = targets.slice(0, -1).findLast(target => outcomes.has(target));
  const [got, reference] = [qualityOf(served === undefined ? undefined : outcomes.get(served)), qualityOf(outcomes.get(targets.at(-1)!))];
  const chance = 1 / weight;
  return got === undefined || reference === undefined ? { chance } : { chance, harm: Math.max(0, reference - got) };
}

const qualityOf = (outcome: Outcome | undefined): number | undefined => (outcome?.failure ? 0 : outcome?.quality);
