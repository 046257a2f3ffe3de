/** `hindcast store`, `hindcast prices` and `hindcast doctor`: commands for the store of records. */
import type { Command } from 'commander';
import { action, exit, loadSettings, printResult, table } from '../gateway/cli/command.ts';
import type { Settings } from '../gateway/settings/settings.ts';
import { auditText } from './audit/verify.ts';
import { runDoctor } from './commands/doctor.ts';
import { eraseFlags, runErase } from './commands/erase.ts';
import { exportFlags, runExport } from './commands/export.ts';
import { readStoreStatus, type StoreStatus } from './commands/status.ts';
import { registerPrices } from './prices/register.ts';
import { openStore } from './process/open-store.ts';
import { migrate } from './store/migrate.ts';
import type { Store } from './store/store.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  registerDoctor(program);
  registerPrices(program);
  const store = program.command('store').description('inspect the store of records');
  withCommonOptions(store.command('status').description('tables, rows, bytes, and what still waits in the spool'))
    .addHelpText('after', '\nExample:\n  hindcast store status --json')
    .action(action((options: Options) => runWithStore(options, status)));
  withCommonOptions(store.command('migrate').description('bring the tables up to date; a gateway does so when it starts'))
    .addHelpText('after', '\nExample:\n  hindcast store migrate --config hindcast.yaml')
    .action(action((options: Options) => runWithStore(options, migrateTables)));
  exportFlags(withCommonOptions(store.command('export').description('write recorded exchanges to a file')))
    .addHelpText(
      'after',
      `
Examples:
  hindcast store export -o yesterday.jsonl --since 1d --payloads
  hindcast store export -o acme.parquet --format parquet --tenant acme --where "cost_usd > 0.01"`,
    )
    .action(action(runExport));
  eraseFlags(
    withCommonOptions(
      store.command('erase').description('erase records of a tenant, a user or one exchange, from store, spool and exports'),
    ),
  )
    .addHelpText(
      'after',
      `
Rollups are erased with a tenant; of one user they hold sums only. Exports are found by where they were written; copies of them are not.

Examples:
  hindcast store erase --tenant acme --user u1
  hindcast store erase --exchange 01890a5d-ac96-774b-bcce-b302099a8057 --json`,
    )
    .action(action(runErase));
}

const registerDoctor = (program: Command): void => {
  withCommonOptions(program.command('doctor').description('check everything a gateway needs, and say what to fix'))
    .addHelpText(
      'after',
      '\nIt makes no request that costs money.\n\nExamples:\n  hindcast doctor\n  hindcast doctor --config hindcast.yaml --json',
    )
    .action(action(runDoctor));
};

const withCommonOptions = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

async function runWithStore(
  options: Options,
  work: (store: Store, options: Options, settings: Settings) => Promise<number>,
): Promise<number> {
  const settings = loadSettings(options);
  const store = await openStore(settings);
  try {
    return await work(store, options, settings);
  } finally {
    await store.close();
  }
}

/** Exits with 1 when somebody changed the audit. */
async function status(store: Store, options: Options, settings: Settings): Promise<number> {
  const found = await readStoreStatus(store, settings.store.path, settings.recorder.retention.audit);
  printResult(options, found, () => statusText(found));
  return found.audit.faults.length === 0 ? exit.pass : exit.failed;
}

async function migrateTables(store: Store, options: Options, { store: { cluster, search } }: Settings): Promise<number> {
  const applied = await migrate(store, { cluster, search });
  printResult(options, { applied }, () => (applied.length === 0 ? 'The tables are up to date.' : `Applied: ${applied.join(', ')}.`));
  return exit.pass;
}

function statusText({ version, tables, spool, rejected, audit }: StoreStatus): string {
  const rows = tables.map(({ table: name, rows: count, bytes }) => [name, `${count}`, `${(bytes / 1024).toFixed(1)} KiB`]);
  const pendingText =
    spool.segments === 0
      ? 'Nothing waits in the spool.'
      : `${spool.segments} segments (${(spool.bytes / 1024).toFixed(1)} KiB) wait in the spool.`;
  const rejectedText = rejected === 0 ? [] : [`${rejected} records were refused for good; they lie in spool/rejected.`];
  return [`ClickHouse ${version}`, table(['table', 'rows', 'on disk'], rows), pendingText, ...rejectedText, auditText(audit)].join('\n\n');
}
