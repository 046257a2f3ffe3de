/** A valid config as plain data: providers, routes, keys' owners; never a key. */
import type { AcceptRule } from '../core/signals/signal.ts';
import type { Account, ConfiguredStep, Settings } from '../settings/settings.ts';
import { originOf } from './origin.ts';
import { pathId } from './problem.ts';

/** What `config check --json` prints of valid settings. */
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

export interface KeyRow {
  readonly name: string;
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly role: string;
  /** The first 8 digits. */
  readonly hash: string;
}

/** Each key with its name, owner, role and the first digits of its hash. */
export const keyRows = ({ keys }: Settings): readonly KeyRow[] =>
  [...keys].map(([hash, { name, tenant, project, user, role }]) => ({ name, tenant, project, user, role, hash: hash.slice(0, 8) }));

/** `OPENAI_API_KEY`, `file:/run/secrets/key`, or that the key stands in the file itself. */
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
