/** `hindcast store erase`: erases the records of a tenant, a user or one exchange. */
import type { Command } from 'commander';
import { CommandError, exit, loadSettings, note, printResult, table } from '../../gateway/cli/command.ts';
import { type Erasure, erase } from '../erase/erase.ts';
import { countRows } from '../erase/tables.ts';
import { openStore } from '../process/open-store.ts';
import { ddlTargetOf } from '../store/cluster.ts';
import type { Subject } from '../tombstones/tombstone.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly tenant?: string;
  readonly user?: string;
  readonly exchange?: string;
  readonly dryRun?: boolean;
}

/** The command with the flags of `store erase`. */
export const eraseFlags = (command: Command): Command =>
  command
    .option('--tenant <name>', "everything of this tenant's up to now")
    .option('--user <name>', 'everything of this end user (with --tenant: of that tenant)')
    .option('--exchange <id>', 'one exchange, by its x-hindcast-id')
    .option('--dry-run', 'only count what would go');

/** Erases, or counts with --dry-run, and prints the report. Exit code 0 when all is verified, else `incomplete`. */
export async function runErase(options: Options): Promise<number> {
  const subject = subjectOf(options);
  const settings = loadSettings(options);
  const store = await openStore(settings);
  try {
    if (options.dryRun) {
      const rows = await countRows(store, subject, Date.now());
      printResult(options, { rows }, () =>
        table(
          ['table', 'rows'],
          Object.entries(rows).map(([name, count]) => [name, `${count}`]),
        ),
      );
      return exit.pass;
    }
    const erasure = await erase(settings, store, subject, Date.now(), ddlTargetOf(settings.store.cluster));
    printResult(options, erasure, () => textOf(erasure));
    if (erasure.verified && erasure.spool === 'shipped') return exit.pass;
    note(
      erasure.verified
        ? 'Some of the spool has not reached the store yet; what is meant is left out when it does. Run this again then.'
        : 'Rows of the subject are still there: another gateway may be writing them. Run this again.',
    );
    return exit.incomplete;
  } finally {
    await store.close();
  }
}

function subjectOf({ tenant, user, exchange }: Options): Subject {
  if (tenant === undefined && user === undefined && exchange === undefined)
    throw new CommandError(exit.usage, 'Say whose records have to go: --tenant NAME, --user NAME or --exchange ID.');
  for (const [flag, value] of Object.entries({ tenant, user, exchange })) {
    if (value === '') throw new CommandError(exit.usage, `--${flag} is empty, which would mean everybody; name one.`);
  }
  if (exchange !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(exchange))
    throw new CommandError(exit.usage, `--exchange ${exchange}: write the id as the answer's x-hindcast-id gave it.`);
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user }),
    ...(exchange === undefined ? {} : { exchange: exchange.toLowerCase() }),
  };
}

function textOf({ id, rows, rejected, exports }: Erasure): string {
  const tables = table(
    ['table', 'rows erased'],
    Object.entries(rows).map(([name, count]) => [name, `${count}`]),
  );
  const files = exports.filter(({ outcome }) => outcome !== 'untouched' && outcome !== 'gone');
  const fileLines = files.map(({ path, outcome }) =>
    outcome === 'removed' ? `${path}: deleted` : `${path}: ${outcome} requests taken out`,
  );
  const refused = rejected === 0 ? [] : [`${rejected} refused records deleted.`];
  return [tables, ...refused, ...(fileLines.length === 0 ? [] : [fileLines.join('\n')]), `Erasure ${id} is on the audit.`].join('\n\n');
}
