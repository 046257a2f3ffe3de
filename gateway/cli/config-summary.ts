/** The text of a valid config's summary. */
import { configSummary, type KeyRow } from '../config/summary.ts';
import type { Settings } from '../settings/settings.ts';
import { table } from './command.ts';

/** The summary as text; tables are cut at 100 rows. */
export function formatConfigSummary(settings: Settings): string {
  const { file, hash, server, store, providers, routes, tenants, keys } = configSummary(settings);
  return [
    file === null ? 'There is no configuration file: providers come from the environment.' : `${file} is valid.`,
    `config hash ${hash}, listens on ${server.host}:${server.port}, records in ${store.url === 'embedded' ? store.path : store.url}`,
    '',
    truncatedTable(
      ['provider', 'api', 'address', 'key'],
      providers.map(p => [p.name, p.api, p.base_url, p.keys.join(', ')]),
    ),
    ...(routes.length > 0
      ? [
          '',
          truncatedTable(
            ['route', 'steps'],
            routes.map(route => [route.name, route.steps.join(' → ')]),
          ),
        ]
      : []),
    ...(tenants.length > 1
      ? [
          '',
          truncatedTable(
            ['tenant', 'may use'],
            tenants.map(t => [t.name, t.routes?.join(', ') ?? 'everything']),
          ),
        ]
      : []),
    '',
    keys.length === 0 ? 'Callers need no key.' : truncateRows(keys, keysTable),
  ].join('\n');
}

/** Longer tables are cut. */
const rowsMax = 100;

function truncateRows<Row>(rows: readonly Row[], draw: (rows: readonly Row[]) => string): string {
  if (rows.length <= rowsMax) return draw(rows);
  return `${draw(rows.slice(0, rowsMax))}\n… and ${rows.length - rowsMax} more, which --json lists`;
}

const truncatedTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  truncateRows(rows, some => table(head, some));

/** A table of keys for the terminal; each hash by its first digits. */
export const keysTable = (rows: readonly KeyRow[]): string =>
  table(
    ['key', 'tenant', 'project', 'user', 'role', 'hash'],
    rows.map(({ name, tenant, project, user, role, hash }) => [name, tenant, project, user, role, `${hash}…`]),
  );
