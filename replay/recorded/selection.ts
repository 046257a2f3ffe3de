/** The selection flags of the command line, read into a Selection. */
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

/** Without `--limit`; a sample is drawn from more. */
const limitDefault = 1_000;
const limitOfSample = 1_000_000;

const repeatable = (value: string, all: string[] = []): string[] => [...all, value];

export const selectionFlags = (command: Command): Command =>
  command
    .option('--since <time>', 'from then on: 1h, 7d, or a date such as 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'before then, in the same forms')
    .option('--model <name>', 'only requests that asked for this model, as the caller wrote it')
    .option('--route <name>', 'only requests that took this route')
    .option('--tenant <name>', "only this tenant's requests")
    .option('--tag <name=value>', 'only requests with this tag (repeatable)', repeatable)
    .option('--where <sql>', 'only requests for which this holds of the store\'s table requests: "latency_ms > 5000"')
    .option('--limit <count>', 'the most recent so many; 1000, or all that a sample is drawn from')
    .option('--sample <count>', 'so many of them, drawn by hash: the same in every run of the same seed')
    .option(
      '--stratify <names>',
      'a share of each: tenant, project, user, model, route, target, tier, dialect, stream, outcome, or the name of a tag',
    )
    .option('--allocation <how>', 'of a stratified sample: proportional, or neyman: more where costs vary more', 'proportional')
    .option('--whole-conversations', 'all of a conversation, or nothing of it')
    .option('--duplicates <how>', 'requests that say the same: collapse (asked once, counted as often as they came) or keep')
    .option('--dataset <name@version>', 'the requests of this dataset; without a version its newest')
    .option('--exclude-redacted', 'leave out what was redacted, so that a sample holds none; else it is skipped and counted')
    .option(
      '--from <file>',
      'recorded requests from a file: .jsonl, .json, .parquet, exports of Helicone or LiteLLM (repeatable)',
      repeatable,
    )
    .option('--seed <text>', 'of the sample', '0');

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

/** `paced` runs keep every arrival unless told otherwise: to collapse them would change the rhythm. */
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

/** A request has one value of each tag, so that of two wished for none has both. */
function parseTags(texts: readonly string[]): Readonly<Record<string, string>> {
  const tags = texts.map(parseTag);
  const twice = tags.find(([name], i) => tags.findIndex(([known]) => known === name) < i);
  if (twice)
    throw new CommandError(exit.usage, `--tag ${twice[0]} is there twice; either value is --where "tags['${twice[0]}'] IN ('…', '…')".`);
  return Object.fromEntries(tags);
}

function parseTag(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new CommandError(exit.usage, `--tag ${text}: write it as name=value.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

export function parseCount(text: string, flag: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new CommandError(exit.usage, `${flag} ${text}: write a whole number, 1 or more.`);
  return count;
}
