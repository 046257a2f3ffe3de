/** Parses times of commands: a duration before now, or a date. */
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `1h` is an hour before `now`; a date without a zone is UTC. */
export function parseTime(text: string, flag: string, now: Instant): Instant {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m|h|d|w)$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * unitMs[unit!]!;
  const isDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text);
  const zoned = /T|\s/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text.replace(' ', 'T')}Z` : text;
  const at = isDate ? Date.parse(zoned) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new CommandError(exit.usage, `${flag} ${text}: write a span such as 30m, 1h, 7d, or a date such as 2026-01-31T12:00:00Z.`);
}
