/** Keys: those of the state store are made and changed here, those of the configuration file are shown and revoked. */
import { ConfigEditError } from '../../config/edit/edit-error.ts';
import { findKey, removeKey } from '../../config/edit/key-entry.ts';
import type { BudgetPolicy, CallerLimits } from '../../core/money/budget.ts';
import type { Instant } from '../../core/shared/time.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { newKey, newSecret } from '../../keys/new-key.ts';
import { keyProblem, rotated, type StoredKey } from '../../keys/stored-key.ts';
import type { CallerKey } from '../../settings/settings.ts';
import type { Key, KeyChange } from '../api/access.ts';
import type { RouteName } from '../api/table.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { tenantsSeenBy } from '../http/caller.ts';
import { capsRow } from './access.ts';
import { configFile, noConfigFile } from './config.ts';
import type { Call, Handlers } from './contract.ts';
import { notFound } from './exchanges.ts';
import { pageOf } from './page.ts';

/** The handlers of `/keys`. */
export const keyHandlers: Handlers<'listKeys' | 'getKey' | 'createKey' | 'changeKey' | 'rotateKey' | 'revokeKey'> = {
  listKeys: (call, dependencies) => pageOf(keysSeenBy(call, dependencies), call.query, row => row.id),
  getKey: (call, dependencies) => rowOf(call, dependencies) ?? notFound('key'),
  createKey,
  changeKey,
  rotateKey,
  revokeKey,
};

type AnyCall = Pick<Call<RouteName>, 'caller' | 'version'>;

function keysSeenBy({ caller, version }: AnyCall, { keys, clock }: AdminDependencies): readonly Key[] {
  const seen = tenantsSeenBy(caller);
  const stored = new Map(keys.stored.map(key => [key.hash, key]));
  const at = clock.now();
  return (
    [...version.settings.keys]
      // The key before a rotation is shown with the new one.
      .filter(([hash, key]) => (seen?.includes(key.tenant) ?? true) && (key.id === undefined || stored.has(hash)))
      .map(([hash, key]) => keyRow(hash, key, stored.get(hash), at))
  );
}

const rowOf = (call: AnyCall & { readonly params: { readonly id: string } }, dependencies: AdminDependencies): Key | undefined =>
  keysSeenBy(call, dependencies).find(row => row.id === call.params.id || row.name === call.params.id);

const isoOf = (at: Instant | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

function keyRow(hash: string, key: CallerKey, stored: StoredKey | undefined, at: Instant): Key {
  const { name, tenant, project, user, role, id = name } = key;
  return {
    ...{ id, name, tenant, project, user, role, hash: hash.slice(0, 8) },
    ...capsRow(key),
    stored: stored !== undefined,
    state: keyProblem(key, at) ?? 'active',
    routes: key.routes ? [...key.routes] : null,
    models: key.models ? [...key.models] : null,
    metadata: { ...key.metadata },
    created_at: isoOf(stored?.createdAt),
    expires_at: isoOf(key.expiresAt),
    rotated_until: isoOf(stored?.previous && stored.previous.until > at ? stored.previous.until : undefined),
  };
}

const noKeyStore = invalid('keys_unavailable', 'This gateway has no store of keys.', null, 503);
const inFile = invalid('key_in_file', 'This key stands in the configuration file: change it there.', null, 409);

async function createKey(call: Call<'createKey'>, dependencies: AdminDependencies) {
  const { keys, clock } = dependencies;
  const { name, tenant, project, user, role, ...change } = call.body;
  if (!keys.store) return noKeyStore;
  const problem = tenantProblem(call, tenant) ?? (isTaken(call, name) ? nameTaken(name) : undefined);
  if (problem) return problem;
  const { key, secret } = newKey({ name, tenant, project, user, role }, clock.now());
  const filled = changed(key, change);
  if (!(await keys.store.add(filled))) return nameTaken(name);
  await keys.read();
  call.audit({ subject: name, tenant, detail: { id: key.id, ...call.body } });
  return { ...keyRow(filled.hash, filled, filled, clock.now()), key: secret };
}

const isTaken = ({ version }: AnyCall, name: string): boolean => [...version.settings.keys.values()].some(key => key.name === name);

const nameTaken = (name: string): Refusal => invalid('key_exists', `A key named ${JSON.stringify(name)} exists.`, 'name', 409);

/** A key gives no more than its maker may see. */
function tenantProblem({ caller, version }: AnyCall, tenant: string): Refusal | undefined {
  const seen = tenantsSeenBy(caller);
  if (tenant === '*' ? seen !== undefined : !(seen?.includes(tenant) ?? true)) {
    return invalid('tenant_walled', 'This key may not make keys of that tenant.', 'tenant', 403);
  }
  if (tenant === '*' || version.settings.tenants.has(tenant)) return undefined;
  return invalid('tenant_not_found', `There is no tenant ${JSON.stringify(tenant)}: add it to \`tenants\`.`, 'tenant', 400);
}

async function changeKey(call: Call<'changeKey'>, dependencies: AdminDependencies) {
  const found = storedKeyOf(call, dependencies);
  if ('refusal' in found) return found;
  const { row, store } = found;
  const next = await store.change(row.id, key => changed(key, call.body));
  if (!next) return notFound('key');
  await dependencies.keys.read();
  call.audit({ subject: row.name, tenant: row.tenant, detail: { id: row.id, ...call.body } });
  return keyRow(next.hash, next, next, dependencies.clock.now());
}

async function rotateKey(call: Call<'rotateKey'>, dependencies: AdminDependencies) {
  const found = storedKeyOf(call, dependencies);
  if ('refusal' in found) return found;
  const { row, store } = found;
  const at = dependencies.clock.now();
  const { secret, hash } = newSecret();
  const next = await store.change(row.id, key => rotated(key, hash, call.body.grace_seconds * 1000, at));
  if (!next) return notFound('key');
  await dependencies.keys.read();
  call.audit({ subject: row.name, tenant: row.tenant, detail: { id: row.id, ...call.body } });
  return { ...keyRow(next.hash, next, next, at), key: secret };
}

function storedKeyOf(
  call: AnyCall & { readonly params: { readonly id: string } },
  dependencies: AdminDependencies,
): { readonly row: Key; readonly store: KeyStore } | Refusal {
  const row = rowOf(call, dependencies);
  if (!row) return notFound('key');
  const { store } = dependencies.keys;
  if (!row.stored) return inFile;
  return store ? { row, store } : noKeyStore;
}

/** As `hindcast keys revoke`. */
async function revokeKey(call: Call<'revokeKey'>, dependencies: AdminDependencies) {
  const row = rowOf(call, dependencies);
  if (!row) return notFound('key');
  const { settings } = call.version;
  if (settings.keys.size === 1) return invalid('last_key', 'This is the only key: without it the gateway is open to everybody.', null, 409);
  const { name, tenant, id } = row;
  if (row.stored) {
    await dependencies.keys.store?.remove(id);
    await dependencies.keys.read();
    call.audit({ subject: name, tenant, detail: { id } });
    return { id, revoked: true as const };
  }
  const file = configFile(settings, dependencies.environment);
  if (!file) return noConfigFile;
  try {
    removeKey(file.path, findKey(file.path, name), file.location);
  } catch (error) {
    if (!(error instanceof ConfigEditError)) throw error;
    return invalid('not_written', error.message, null, 422);
  }
  call.audit({ subject: name, tenant, detail: { file: file.path } });
  return { id, revoked: true as const };
}

/** The key with these changes; null takes a member away. */
export function changed(key: StoredKey, { blocked, expires_at, budget, limits, routes, models, metadata }: KeyChange): StoredKey {
  const next: { -readonly [Member in keyof StoredKey]: StoredKey[Member] } = { ...key };
  const set = <Name extends 'expiresAt' | 'budget' | 'limits' | 'routes' | 'models' | 'metadata' | 'isBlocked'>(
    name: Name,
    value: StoredKey[Name] | null | undefined,
  ): void => {
    if (value === undefined) return;
    if (value === null) delete next[name];
    else next[name] = value as (typeof next)[Name];
  };
  set('isBlocked', blocked === undefined ? undefined : blocked ? true : null);
  set('expiresAt', typeof expires_at === 'string' ? Date.parse(expires_at) : expires_at);
  set('budget', budget && budgetFrom(budget));
  set('limits', limits && limitsFrom(limits));
  set('routes', routes);
  set('models', models);
  set('metadata', metadata);
  return next;
}

const budgetFrom = ({ usd, per, unpriced, warn_at: warnAt }: NonNullable<KeyChange['budget']>): BudgetPolicy => ({
  nanoUsd: Math.round(usd * 1e9),
  per,
  ...(unpriced === 'allow' ? { allowsUnpriced: true as const } : {}),
  ...(warnAt === undefined ? {} : { warnAt }),
});

const limitsFrom = ({ rpm, tpm, rpd, tpd, max_parallel: maxParallel }: NonNullable<KeyChange['limits']>): CallerLimits => ({
  ...(rpm === undefined ? {} : { requestsPerMinute: rpm }),
  ...(tpm === undefined ? {} : { tokensPerMinute: tpm }),
  ...(rpd === undefined ? {} : { requestsPerDay: rpd }),
  ...(tpd === undefined ? {} : { tokensPerDay: tpd }),
  ...(maxParallel === undefined ? {} : { maxParallel }),
});
