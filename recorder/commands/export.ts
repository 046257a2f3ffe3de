/** `hindcast store export`: recorded exchanges into a file. */

import type { Command } from 'commander';
import { CommandError, exit, loadSettings, printResult } from '../../gateway/cli/command.ts';
import { writeAudit } from '../audit/write.ts';
import { type ExportSelection, exportFormats, exportTo } from '../export/export.ts';
import { openStore } from '../process/open-store.ts';
import { ConditionError } from '../store/condition.ts';
import { exceptionCodeOf } from '../store/insert-error.ts';
import { parseTime } from './times.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly format: string;
  readonly output: string;
  readonly since?: string;
  readonly until?: string;
  readonly tenant?: string;
  readonly route?: string;
  readonly where?: string;
  readonly limit?: string;
  readonly replays?: boolean;
  readonly payloads?: boolean;
}

/** The command with the flags of `store export`. */
export const exportFlags = (command: Command): Command =>
  command
    .requiredOption('-o, --output <file>', 'the file to write')
    .option('--format <format>', 'jsonl or parquet', 'jsonl')
    .option('--since <time>', 'from then on: 1h, 7d, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'before then, in the same forms')
    .option('--tenant <name>', "only this tenant's requests")
    .option('--route <name>', 'only requests that took this route')
    .option('--where <sql>', 'only requests for which this holds, in SQL over the columns of `requests`')
    .option('--limit <count>', 'at most so many, the oldest first')
    .option('--payloads', 'with the bodies of request and answer')
    .option('--replays', 'replayed requests as well');

/** Writes the export and prints its path and size. */
export async function runExport(options: Options): Promise<void> {
  const settings = loadSettings(options);
  const format = exportFormats.find(name => name === options.format);
  if (!format) throw new CommandError(exit.usage, `--format ${options.format}: write ${exportFormats.join(' or ')}.`);
  const selection = selectionOf(options, Date.now());
  const store = await openStore(settings);
  try {
    const exported = await exportTo(store, settings.store.path, options.output, format, selection).catch(explainFailure(options));
    await writeAudit(store, settings.store.path, {
      ...{ action: 'export', tenant: options.tenant ?? '', subject: exported.path },
      detail: { format, bytes: exported.bytes, ...selection },
    });
    printResult(options, exported, () => `Wrote ${exported.path} (${exported.bytes} bytes).`);
  } finally {
    await store.close();
  }
}

function selectionOf({ since, until, tenant, route, where, limit, replays, payloads }: Options, now: number): ExportSelection {
  const count = limit === undefined ? undefined : Number(limit);
  if (count !== undefined && (!Number.isSafeInteger(count) || count < 1))
    throw new CommandError(exit.usage, `--limit ${limit}: write a whole number, 1 or more.`);
  return {
    ...(since === undefined ? {} : { since: parseTime(since, '--since', now) }),
    ...(until === undefined ? {} : { until: parseTime(until, '--until', now) }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(route === undefined ? {} : { route }),
    ...(where === undefined ? {} : { where }),
    ...(count === undefined ? {} : { limit: count }),
    replays: replays ?? false,
    payloads: payloads ?? false,
  };
}

/** Errors of the store or the disk are shown to the user. */
const explainFailure =
  ({ where, output }: Pick<Options, 'where' | 'output'>) =>
  (error: unknown): never => {
    const message = error instanceof Error ? error.message : String(error);
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) throw new CommandError(exit.usage, `${output} cannot be written: ${message}`);
    if (error instanceof ConditionError) throw new CommandError(exit.usage, `--where ${where} is no single condition: ${message}.`);
    if (where !== undefined && exceptionCodeOf(error) !== undefined)
      throw new CommandError(exit.usage, `--where ${where}: the store says: ${message}`);
    throw error;
  };
