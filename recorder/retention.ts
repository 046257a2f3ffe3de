/** How long rows stay: by table, and shorter or longer for a tenant's own. */
import type { Settings } from '../gateway/settings/settings.ts';
import { onePlace, type Place } from './erase/tables.ts';
import type { Store } from './store.ts';

/** Days until a row may be dropped. */
export interface Days {
  readonly records: number;
  readonly payloads: number;
}

export interface Retention extends Days {
  readonly tenants?: Readonly<Record<string, Days>>;
}

/** Of tables whose rows do not say it themselves. */
export interface TableDays {
  readonly scores: number;
  readonly replays: number;
  readonly audit: number;
}

/** A body without its record would belong to nobody. */
export function daysOf({ tenants, ...all }: Retention, tenant: string): Days {
  const { records, payloads } = (tenants && Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined) ?? all;
  return { records, payloads: Math.min(records, payloads) };
}

/** The shortest that any record and any body stays. */
export function daysMin(retention: Retention): Days {
  const all = [daysOf(retention, ''), ...Object.keys(retention.tenants ?? {}).map(tenant => daysOf(retention, tenant))];
  return { records: Math.min(...all.map(days => days.records)), payloads: Math.min(...all.map(days => days.payloads)) };
}

export function retentionOf({ recorder: { retention }, tenants }: Pick<Settings, 'recorder' | 'tenants'>): Retention {
  const { records, payloads } = retention;
  const own = [...tenants.values()].flatMap(({ name, retention: days }) => (days ? [[name, { records, payloads, ...days }] as const] : []));
  return { records, payloads, ...(own.length > 0 ? { tenants: Object.fromEntries(own) } : {}) };
}

const columns: Readonly<Record<keyof TableDays, string>> = { scores: 'scores', replays: 'replay_results', audit: 'audit' };

/** Tells the tables that keep their rows otherwise; gives their names. */
export async function applyRetention(
  store: Pick<Store, 'select' | 'command'>,
  days: TableDays,
  place: Place = onePlace,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const [key, name] of Object.entries(columns)) {
    const table = `${name}${place.suffix}`;
    const wanted = `toDateTime(ts) + toIntervalDay(${days[key as keyof TableDays]})`;
    const [found] = await store.select<{ created: string }>(
      'SELECT create_table_query AS created FROM system.tables WHERE database = currentDatabase() AND name = {table: String}',
      { table },
    );
    if (!found || found.created.includes(`TTL ${wanted}`)) continue;
    await store.command(`ALTER TABLE ${table}${place.onCluster} MODIFY TTL ${wanted}`);
    changed.push(table);
  }
  return changed;
}
