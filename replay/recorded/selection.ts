/** The selection flags of the command line, and their parsing into a Selection. */
import type { Command } from 'commander';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Selection } from './requests.ts';
import type { Sampling } from './sample.ts';

export interface SelectionOptions {
  readonly since?: string;
  readonly until?: string;
  readonly model?: string;
  readonly route?: string;
  readonly tenant?: string;
  readonly tag?: readonly string[];
  readonly where?: string;
  readonly limit?: string;
  readonly sample?: string;
  readonly stratify?: string;
  readonly allocation?: string;
  readonly wholeConversations?: boolean;
  readonly duplicates?: string;
  readonly dataset?: string;
  readonly excludeRedacted?: boolean;
  readonly from?: readonly string[];
  readonly seed?: string;
}

/** The default of `--limit`; a sample is drawn from more. */
const limitDefault = 1_000;
const limitOfSample = 1_000_000;

const repeatable = (value: string, all: string[] = []): string[] => [...all, value];

/** The command with the flags that select recorded requests. */
export const selectionFlags = (command: Command): Command =>
  command
    .option('--since <time>', 'start: 1h or 7d ago, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'end, exclusive, in the same formats')
    .option('--model <name>', 'only requests with this model, as the caller sent it')
    .option('--route <name>', 'only requests on this route')
    .option('--tenant <name>', "only this tenant's requests")
    .option('--tag <name=value>', 'only requests with this tag (repeatable)', repeatable)
    .option('--where <sql>', 'only requests that match a SQL condition on the table requests: "latency_ms > 5000"')
    .option('--limit <count>', 'the maximum number, most recent first (default: 1000, or 1000000 with --sample)')
    .option('--sample <count>', 'sample size; drawn by hash, so a seed draws the same sample in every run')
    .option(
      '--stratify <names>',
      'stratify the sample by tenant, project, user, model, route, target, tier, dialect, stream, outcome, or the name of a tag',
    )
    .option('--allocation <how>', 'allocation of a stratified sample: proportional, or neyman (more where costs vary more)', 'proportional')
    .option('--whole-conversations', 'sample whole conversations')
    .option('--duplicates <how>', 'equal requests: collapse (sent once, weighted by their count) or keep')
    .option('--dataset <name@version>', 'the requests of this dataset (default: its newest version)')
    .option('--exclude-redacted', 'select no redacted requests (default: they are selected, then skipped and counted)')
    .option(
      '--from <file>',
      'recorded requests from a file: .jsonl, .json, .parquet, exports of Helicone or LiteLLM (repeatable)',
      repeatable,
    )
    .option('--seed <text>', 'the seed of the sample', '0');

/** The selection of the flags; times are relative to `now`. Throws a CommandError for invalid values. */
export function selectionOf(options: SelectionOptions, now: Instant): Selection {
  const { model, route, tenant } = options;
  return {
    ...(options.since === undefined ? {} : { since: parseTime(options.since, '--since', now) }),
    ...(options.until === undefined ? {} : { until: parseTime(options.until, '--until', now) }),
    ...(model === undefined ? {} : { model }),
    ...(route === undefined ? {} : { route }),
    ...(tenant === undefined ? {} : { tenant }),
    tags: parseTags(options.tag ?? []),
    ...(options.where === undefined ? {} : { where: options.where }),
    stratify: options.stratify === undefined ? [] : options.stratify.split(',').map(name => name.trim()),
    excludeRedacted: options.excludeRedacted === true,
    limit:
      options.limit === undefined ? (options.sample === undefined ? limitDefault : limitOfSample) : parseCount(options.limit, '--limit'),
  };
}

/** Paced runs keep duplicates by default: collapsing them would change the arrival times. */
export function samplingOf(options: SelectionOptions, paced: boolean): Sampling {
  const duplicates = options.duplicates ?? (paced ? 'keep' : 'collapse');
  if (duplicates !== 'keep' && duplicates !== 'collapse')
    throw new CommandError(exit.usage, `--duplicates ${duplicates}: write collapse or keep.`);
  const allocation = options.allocation ?? 'proportional';
  if (allocation !== 'proportional' && allocation !== 'neyman')
    throw new CommandError(exit.usage, `--allocation ${allocation}: write proportional or neyman.`);
  return {
    allocation,
    ...(options.sample === undefined ? {} : { count: parseCount(options.sample, '--sample') }),
    wholeConversations: options.wholeConversations === true,
    collapse: duplicates === 'collapse',
    seed: options.seed ?? '0',
  };
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `1h` is an hour before `now`; a date without a zone is UTC. */
export function parseTime(text: string, flag: string, now: Instant): Instant {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m|h|d|w)$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * unitMs[unit!]!;
  const isDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text);
  const zoned = /T|\s/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text.replace(' ', 'T')}Z` : text;
  const at = isDate ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(at))
    throw new CommandError(exit.usage, `${flag} ${text}: write a span such as 30m, 1h, 7d, or a date such as 2026-01-31T12:00:00Z.`);
  return at;
}

/** A request has one value per tag, so two values of one tag would match nothing. */
function parseTags(texts: readonly string[]): Readonly<Record<string, string>> {
  const tags = texts.map(parseTag);
  const twice = tags.find(([name], i) => tags.findIndex(([known]) => known === name) < i);
  if (twice)
    throw new CommandError(
      exit.usage,
      `--tag ${twice[0]} is given twice; for either value use --where "tags['${twice[0]}'] IN ('…', '…')".`,
    );
  return Object.fromEntries(tags);
}

function parseTag(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new CommandError(exit.usage, `--tag ${text}: write it as name=value.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** A whole number of at least 1. Throws a CommandError that names the flag. */
export function parseCount(text: string, flag: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new CommandError(exit.usage, `${flag} ${text}: write a whole number, 1 or more.`);
  return count;
}
