/** The summary of a valid config: providers, routes, tenants and keys, without secrets. */

import { originOf } from '../config/origin.ts';
import { pathId } from '../config/problem.ts';
import type { AcceptRule } from '../core/signals/signal.ts';
import type { Account, ConfiguredStep, Settings } from '../settings/settings.ts';
import { table } from './command.ts';

export function configSummary(settings: Settings) {
  return {
    ok: true,
    file: settings.file ?? null,
    hash: settings.hash,
    server: settings.server,
    store: { url: settings.store.url, path: settings.store.path },
    providers: [...settings.providers.values()].map(account => ({
      name: account.name,
      api: account.provider.name,
      base_url: account.baseUrl,
      keys: keySources(settings, account),
    })),
    routes: [...settings.routes.values()].map(({ name, steps }) => ({ name, steps: steps.map(stepText) })),
    tenants: [...settings.tenants.values()].map(({ name, routes }) => ({ name, routes: routes ?? null })),
    keys: keyRows(settings),
  };
}

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

export interface KeyRow {
  readonly name: string;
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly role: string;
  /** The first 8 digits. */
  readonly hash: string;
}

export const keyRows = ({ keys }: Settings): readonly KeyRow[] =>
  [...keys].map(([hash, { name, tenant, project, user, role }]) => ({ name, tenant, project, user, role, hash: hash.slice(0, 8) }));

export const keysTable = (rows: readonly KeyRow[]): string =>
  table(
    ['key', 'tenant', 'project', 'user', 'role', 'hash'],
    rows.map(({ name, tenant, project, user, role, hash }) => [name, tenant, project, user, role, `${hash}…`]),
  );

/** Where each key comes from: `OPENAI_API_KEY`, `file:/run/secrets/key`, or the config file itself. */
function keySources(settings: Settings, { name, keys }: Account): readonly string[] {
  const origins = originOf(settings)?.origins;
  return keys.map((_, i) => {
    const found = origins?.get(pathId(['providers', name, 'keys', i])) ?? origins?.get(pathId(['providers', name, 'key']));
    return found?.join(' + ') ?? 'written in the file';
  });
}

function stepText({ target, accept, hedgeAfter }: ConfiguredStep): string {
  const hedge = hedgeAfter === undefined ? '' : `, hedged after ${typeof hedgeAfter === 'number' ? `${hedgeAfter}ms` : hedgeAfter}`;
  return `${target}${accept ? ` (${acceptText(accept)})` : ''}${hedge}`;
}

function acceptText(accept: AcceptRule): string {
  const grouped = (inner: AcceptRule): string => ('signal' in inner ? acceptText(inner) : `(${acceptText(inner)})`);
  if ('all' in accept) return accept.all.map(grouped).join(' and ');
  if ('any' in accept) return accept.any.map(grouped).join(' or ');
  return `${accept.signal} ≥ ${accept.atLeast}`;
}
