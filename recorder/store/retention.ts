/** How long rows are kept: by table, and by tenant. */
import type { Settings } from '../../gateway/settings/settings.ts';
import { type DdlTarget, singleServer } from './cluster.ts';
import type { Store } from './store.ts';

/** Days until a row may be dropped. */
export interface RetentionDays {
  readonly records: number;
  readonly payloads: number;
}

export interface Retention extends RetentionDays {
  readonly tenants?: Readonly<Record<string, RetentionDays>>;
}

/** For tables whose rows do not hold it. */
export interface TableRetention {
  readonly scores: number;
  readonly replays: number;
  readonly audit: number;
}

/** Bodies are kept no longer than their record. */
export function retentionDaysOf({ tenants, ...all }: Retention, tenant: string): RetentionDays {
  const { records, payloads } = (tenants && Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined) ?? all;
  return { records, payloads: Math.min(records, payloads) };
}

/** The shortest time that any record and any body is kept. */
export function shortestRetention(retention: Retention): RetentionDays {
  const all = [retentionDaysOf(retention, ''), ...Object.keys(retention.tenants ?? {}).map(tenant => retentionDaysOf(retention, tenant))];
  return { records: Math.min(...all.map(days => days.records)), payloads: Math.min(...all.map(days => days.payloads)) };
}

/** Days that rows are kept, by default and by tenant, from the settings. */
export function retentionOf({ recorder: { retention }, tenants }: Pick<Settings, 'recorder' | 'tenants'>): Retention {
  const { records, payloads } = retention;
  const byTenant = [...tenants.values()].flatMap(({ name, retention: days }) =>
    days ? [[name, { records, payloads, ...days }] as const] : [],
  );
  return { records, payloads, ...(byTenant.length > 0 ? { tenants: Object.fromEntries(byTenant) } : {}) };
}

const ttlTables: Readonly<Record<keyof TableRetention, string>> = { scores: 'scores', replays: 'replay_results', audit: 'audit' };

/** Sets the TTL of tables where it differs; returns their names. */
export async function applyRetention(
  store: Pick<Store, 'select' | 'command'>,
  days: TableRetention,
  place: DdlTarget = singleServer,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const [key, name] of Object.entries(ttlTables)) {
    const table = `${name}${place.suffix}`;
    const ttl = `toDateTime(ts) + toIntervalDay(${days[key as keyof TableRetention]})`;
    const [found] = await store.select<{ created: string }>(
      'SELECT create_table_query AS created FROM system.tables WHERE database = currentDatabase() AND name = {table: String}',
      { table },
    );
    if (!found || found.created.includes(`TTL ${ttl}`)) continue;
    await store.command(`ALTER TABLE ${table}${place.onCluster} MODIFY TTL ${ttl}`);
    changed.push(table);
  }
  return changed;
}
