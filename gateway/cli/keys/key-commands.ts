/** `hindcast keys`: creates, lists and revokes the API keys of callers. The config holds only their hashes. */
import { type Command, Option } from 'commander';
import { ConfigEditError } from '../../config/edit/edit-error.ts';
import { findKey, removeKey } from '../../config/edit/key-entry.ts';
import { loadConfig } from '../../config/index.ts';
import { findFile } from '../../config/load.ts';
import { keyRows } from '../../config/summary.ts';
import { newSecret } from '../../keys/new-key.ts';
import { action, CommandError, exit, loadSettings, note, printResult } from '../command.ts';
import { keysTable } from '../config-summary.ts';
import { describeRevocation } from './key-file.ts';
import { type CommonOptions, type CreateOptions, configOf, type KeyAudit } from './key-options.ts';
import { mayStore, registerKeyChanges, revokeStored, storedKeys, storedRow, storeKey } from './stored-key-commands.ts';

/** Adds `hindcast keys`; `audit` gets each created or revoked key. */
export function registerKeys(program: Command, audit: KeyAudit = async () => {}): void {
  const keys = program
    .command('keys')
    .description('create, list, block, expire, rotate and revoke the API keys of callers')
    .addHelpText(
      'after',
      `
Examples:
  hindcast keys create acme-web --tenant acme
  hindcast keys list
  hindcast keys rotate acme-web --grace 24h
  hindcast keys revoke acme-web`,
    );
  const common = (command: Command): Command =>
    command.option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml)').option('--json', 'print JSON');
  common(keys.command('create <name>'))
    .description('make a key and print it, once: kept in the state store where a gateway has run, else a line for the configuration')
    .option('--tenant <name>', 'the tenant it belongs to')
    .option('--project <name>', 'the project of its requests, which records contain')
    .option('--user <name>', 'the user of its requests, which records contain')
    .option('--routes <names>', 'routes and targets it may call, with commas; a name or a beginning with *')
    .option('--models <names>', 'models it may be answered by, in the same form')
    .option('--expires <time>', 'when it expires: 90d, or a date')
    .option('--yaml', 'print the line for the configuration, and keep nothing')
    .addOption(new Option('--role <role>', 'what it may do in the admin API').choices(['caller', 'viewer', 'analyst', 'admin']))
    .addHelpText(
      'after',
      `
Examples:
  hindcast keys create acme-web --tenant acme --project web
  hindcast keys create ops --role admin
  hindcast keys create ci --json | jq -r .key`,
    )
    .action(action((name: string, options: CreateOptions) => create(name, options, audit)));
  registerKeyChanges(keys, common, audit);
  common(keys.command('list'))
    .description('list the keys of the configuration and of the state store, without secrets')
    .addHelpText('after', '\nExamples:\n  hindcast keys list\n  hindcast keys list --json')
    .action(action(list));
  common(keys.command('revoke <name>'))
    .description(
      'revoke a key of the state store; of the file only with --write, else the lines to delete are printed and the exit code is 2',
    )
    .option('--write', 'delete a key of the file; comments and the rest of the file stay')
    .addHelpText('after', '\nExamples:\n  hindcast keys revoke acme-web\n  hindcast keys revoke acme-web --write')
    .action(action((name: string, options: CommonOptions & { readonly write?: boolean }) => revoke(name, options, audit)));
}

const nameLengthMax = 100;

async function create(name: string, options: CreateOptions, audit: KeyAudit): Promise<void> {
  if (name === '' || name.length > nameLengthMax) throw new CommandError(exit.usage, `A name has 1 to ${nameLengthMax} characters.`);
  // The file may be invalid because this key is missing, so it is checked only when it is valid.
  const loaded = loadConfig({ file: options.config, directory: process.cwd(), environment: process.env });
  if (loaded.ok && [...loaded.settings.keys.values()].some(key => key.name === name)) {
    throw new CommandError(exit.usage, `A key named ${JSON.stringify(name)} exists; choose another name, or revoke it first.`);
  }
  if (loaded.ok && options.tenant !== undefined && options.tenant !== '*' && !loaded.settings.tenants.has(options.tenant)) {
    note(`Note: there is no tenant ${JSON.stringify(options.tenant)} yet; add it to \`tenants\`.`);
  }
  if (loaded.ok && !options.yaml && mayStore(loaded.settings)) return storeKey(name, options, loaded.settings, audit);
  const { tenant, project, user, role, routes, models, expires } = options;
  if ((routes ?? models ?? expires) !== undefined) {
    throw new CommandError(
      exit.usage,
      '--routes, --models and --expires are for keys of the state store, which is there once `hindcast serve` has run.',
    );
  }
  const { secret: key, hash: digest } = newSecret();
  const hash = `sha256:${digest}`;
  const entry = Object.entries({ name, hash, tenant, project, user, role }).filter(([, value]) => value !== undefined);
  const yaml = `  - { ${entry.map(([field, value]) => `${field}: ${scalar(value!)}`).join(', ')} }`;
  printResult(options, { key, yaml, ...Object.fromEntries(entry) }, () => `${key}\n\nkeys:\n${yaml}`);
  await audit({ action: 'key-created', key: name, detail: Object.fromEntries(entry), ...configOf(options) });
  note('The key is printed only once. Add the line under `keys:` of the configuration; a running gateway accepts it at once.');
}

/** Unquoted where YAML reads it as text. */
const scalar = (value: string): string =>
  /^[A-Za-z][A-Za-z0-9_.-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value) ? value : JSON.stringify(value);

async function list(options: CommonOptions): Promise<void> {
  const settings = loadSettings(options);
  const rows = [...keyRows(settings), ...(await storedKeys(settings)).map(storedRow)];
  printResult(options, rows, () => (rows.length === 0 ? 'There are no keys: callers need none.' : keysTable(rows)));
}

/** Without --write the key stays valid, so the command exits with a usage error. */
async function revoke(name: string, options: CommonOptions & { readonly write?: boolean }, audit: KeyAudit): Promise<number> {
  if (await revokeStored(name, options, audit)) return exit.pass;
  const file = findFile({ file: options.config, directory: process.cwd(), environment: process.env });
  if (file === undefined)
    throw new CommandError(exit.usage, 'There is no configuration file, so there are no keys; name a file with --config FILE.');
  const found = asUsage(() => findKey(file, name));
  if (options.write) asUsage(() => removeKey(file, found, { directory: process.cwd(), environment: process.env }));
  printResult(options, { file, name, first_line: found.firstLine, last_line: found.lastLine, written: options.write === true }, () =>
    describeRevocation(file, name, found, options.write === true),
  );
  if (found.isLast) note('This is the only key: without keys, callers need none.');
  if (!options.write) {
    note(`The key ${JSON.stringify(name)} is still valid. Run the command with --write to revoke it.`);
    return exit.usage;
  }
  await audit({ action: 'key-revoked', key: name, detail: { file }, ...configOf(options) });
  return exit.pass;
}

function asUsage<Result>(edit: () => Result): Result {
  try {
    return edit();
  } catch (error) {
    throw error instanceof ConfigEditError ? new CommandError(exit.usage, error.message) : error;
  }
}
