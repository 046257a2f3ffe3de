/** Parses durations of command-line options. */
import { CommandError, exit } from './command.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `800ms`, `2.5s`, `10m` or `1d`. Throws a CommandError that names the flag. */
export function parseDuration(text: string, flag: string): number {
  const [, digits, unit] = /^\+?(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const duration = digits === undefined ? Number.NaN : Number(digits) * units[unit!]!;
  if (duration > 0) return duration;
  throw new CommandError(exit.usage, `${flag} ${text}: write a duration such as 800ms, 2.5s or 10m.`);
}
