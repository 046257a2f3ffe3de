/** `hindcast keys` over the state store: keys that every gateway of it accepts at once. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseDuration } from '../../config/schema/units.ts';
import type { Instant } from '../../core/shared/time.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { newKey, newSecret } from '../../keys/new-key.ts';
import { keyProblem, rotated, type StoredKey } from '../../keys/stored-key.ts';
import type { CallerKey, Settings } from '../../settings/settings.ts';
import { action, CommandError, exit, loadSettings, note, printResult } from '../command.ts';
import { openKeys } from '../open-state.ts';
import { type CommonOptions, type CreateOptions, configOf, type KeyAudit } from './key-options.ts';

/** Whether there is a store: a gateway has run here, or several share a Redis. */
export const mayStore = ({ state, store }: Settings): boolean => state.url !== 'sqlite' || existsSync(join(store.path, 'state.sqlite'));

/** Adds `hindcast keys block | unblock | expire | rotate`. */
export function registerKeyChanges(keys: Command, common: (command: Command) => Command, audit: KeyAudit): void {
  const changing = (name: string, description: string, example: string): Command =>
    common(keys.command(`${name} <name>`))
      .description(description)
      .addHelpText('after', `\nExample:\n  hindcast keys ${example}`);
  changing('block', 'refuse a key of the state store until it is unblocked', 'block acme-web').action(
    action((name: string, options: CommonOptions) => change(name, options, audit, key => ({ ...key, isBlocked: true }))),
  );
  changing('unblock', 'accept a blocked key again', 'unblock acme-web').action(
    action((name: string, options: CommonOptions) => change(name, options, audit, ({ isBlocked: _, ...key }) => key)),
  );
  changing('expire', 'let a key of the state store expire', 'expire acme-web --at 2026-12-31')
    .option('--at <time>', 'from then on it is refused: 7d from now, or a date (default: now)')
    .action(
      action((name: string, options: CommonOptions & { readonly at?: string }) => {
        const expiresAt = options.at === undefined ? Date.now() : laterTime(options.at, '--at');
        return change(name, options, audit, key => ({ ...key, expiresAt }));
      }),
    );
  changing('rotate', 'give a key of the state store another secret, and print it once', 'rotate acme-web --grace 24h')
    .option('--grace <duration>', 'how long the old secret is accepted', '24h')
    .action(action((name: string, options: CommonOptions & { readonly grace: string }) => rotate(name, options, audit)));
}

/** Makes a key in the state store and prints it. */
export async function storeKey(name: string, options: CreateOptions, settings: Settings, audit: KeyAudit): Promise<void> {
  const { tenant, project, user, role, routes, models, expires } = options;
  const { key, secret } = newKey(
    {
      name,
      ...(tenant === undefined ? {} : { tenant }),
      ...(project === undefined ? {} : { project }),
      ...(user === undefined ? {} : { user }),
      ...(role === undefined ? {} : { role: role as CallerKey['role'] }),
      ...(routes === undefined ? {} : { routes: routes.split(',') }),
      ...(models === undefined ? {} : { models: models.split(',') }),
      ...(expires === undefined ? {} : { expiresAt: laterTime(expires, '--expires') }),
    },
    Date.now(),
  );
  const isNew = await withStore(settings, store => store.add(key));
  if (!isNew) throw new CommandError(exit.usage, `A key named ${JSON.stringify(name)} exists; choose another name, or revoke it first.`);
  printResult(options, { key: secret, ...storedRow(key) }, () => secret);
  await audit({ action: 'key-created', key: name, detail: { id: key.id }, ...configOf(options) });
  note('The key is printed only once. Every gateway of this state store accepts it now.');
  if (settings.keys.size === 0 && (await storedKeys(settings)).length === 1) note('It is the first key: from now on callers need one.');
}

/** The keys of the state store; [] when there is none. */
export async function storedKeys(settings: Settings): Promise<readonly StoredKey[]> {
  return mayStore(settings) ? withStore(settings, store => store.all()) : [];
}

/** A stored key as `keys list` shows it. */
export const storedRow = (key: StoredKey) => ({
  ...{ name: key.name, tenant: key.tenant, project: key.project, user: key.user, role: key.role, hash: key.hash.slice(0, 8) },
  ...{ id: key.id, state: keyProblem(key, Date.now()) ?? 'active' },
  ...(key.expiresAt === undefined ? {} : { expires_at: new Date(key.expiresAt).toISOString() }),
});

/** False when no stored key has this name. */
export async function revokeStored(name: string, options: CommonOptions, audit: KeyAudit): Promise<boolean> {
  const settings = settingsOrNone(options);
  const found = settings && (await storedKeys(settings)).find(key => key.name === name);
  if (!settings || !found) return false;
  await withStore(settings, store => store.remove(found.id));
  printResult(options, { name, id: found.id, revoked: true }, () => `Revoked ${name}.`);
  await audit({ action: 'key-revoked', key: name, detail: { id: found.id }, ...configOf(options) });
  return true;
}

/** An invalid file may still hold the key to revoke. */
function settingsOrNone(options: CommonOptions): Settings | undefined {
  try {
    return loadSettings(options);
  } catch (problem) {
    if (problem instanceof CommandError) return undefined;
    throw problem;
  }
}

async function change(name: string, options: CommonOptions, audit: KeyAudit, next: (key: StoredKey) => StoredKey): Promise<void> {
  const row = storedRow(await changeStored(name, options, next));
  printResult(options, row, () => `${name} is ${row.state}.`);
  await audit({ action: 'key-changed', key: name, detail: row, ...configOf(options) });
}

async function rotate(name: string, options: CommonOptions & { readonly grace: string }, audit: KeyAudit): Promise<void> {
  const graceMs = options.grace === '0' ? 0 : parseDuration(options.grace);
  if (graceMs === undefined) throw new CommandError(exit.usage, `--grace ${options.grace}: write a duration such as 24h, or 0.`);
  const { secret, hash } = newSecret();
  const changed = await changeStored(name, options, key => rotated(key, hash, graceMs, Date.now()));
  printResult(options, { key: secret, ...storedRow(changed) }, () => secret);
  await audit({ action: 'key-rotated', key: name, detail: { id: changed.id, grace: options.grace }, ...configOf(options) });
  note(`The key is printed only once. The old one is accepted for ${options.grace}.`);
}

async function changeStored(name: string, options: CommonOptions, next: (key: StoredKey) => StoredKey): Promise<StoredKey> {
  const settings = loadSettings(options);
  const found = (await storedKeys(settings)).find(key => key.name === name);
  const changed = found && (await withStore(settings, store => store.change(found.id, next)));
  if (changed) return changed;
  const inFile = [...settings.keys.values()].some(key => key.name === name);
  throw new CommandError(
    exit.usage,
    inFile
      ? `The key ${JSON.stringify(name)} stands in the configuration: change it there.`
      : `There is no key named ${JSON.stringify(name)}.`,
  );
}

async function withStore<Value>(settings: Settings, work: (store: KeyStore) => Promise<Value>): Promise<Value> {
  const store = await openKeys(settings);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** A duration from now, or a date. */
function laterTime(text: string, flag: string): Instant {
  const ms = parseDuration(text);
  const at = ms === undefined ? Date.parse(text) : Date.now() + ms;
  if (Number.isNaN(at)) throw new CommandError(exit.usage, `${flag} ${text}: write a duration such as 90d, or a date.`);
  return at;
}
