/** Strict parsing of a provider's requested wait: anything but a known form counts as absent. */
import type { Milliseconds } from '../shared/time.ts';

const textLengthMax = 64;
export const plainNumber = /^\d+(\.\d+)?$/;
const duration = /^(\d+(\.\d+)?(ms|us|µs|μs|ns|h|m|s))+$/;
const durationPart = /(\d+(?:\.\d+)?)(ms|us|µs|μs|ns|h|m|s)/g;
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, μs: 1e-3, ns: 1e-6 };
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;
const rfc3339Date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/**
 * The wait that an error response requests, finite and at least 0; undefined when it requests none.
 * Precedence: `retry-after-ms`, `x-ms-retry-after-ms`, `retry-after` (seconds, a duration or a date), then `bodyHint`, a duration from the
 * body such as "45.8s". A date is relative to the response's own `date` header, because clocks differ.
 * `headers` has lower-case names. Only for error responses: healthy providers send `retry-after` with status 200 too.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, bodyHint?: string): Milliseconds | undefined {
  return (
    milliseconds(headers['retry-after-ms']) ??
    milliseconds(headers['x-ms-retry-after-ms']) ??
    parseDuration(headers['retry-after']) ??
    untilDate(headers['retry-after'], headers.date) ??
    parseDuration(bodyHint)
  );
}

/** Whether a wait was given in an unreadable form. It counts as absent and is counted by a metric. */
export function isRetryAfterUnreadable(headers: Readonly<Record<string, string>>): boolean {
  const isGiven = [headers['retry-after-ms'], headers['x-ms-retry-after-ms'], headers['retry-after']].some(text => text !== undefined);
  return isGiven && retryAfterMs(headers) === undefined;
}

/** Milliseconds of "17" or "17.5" (seconds), "6m0s", "26ms", "45.837906927s"; undefined for anything else. */
export function parseDuration(text: string | undefined): Milliseconds | undefined {
  const given = bounded(text);
  if (given === undefined) return undefined;
  if (plainNumber.test(given)) return Number(given) * 1000;
  if (!duration.test(given)) return undefined;
  return [...given.matchAll(durationPart)].reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0);
}

function milliseconds(text: string | undefined): Milliseconds | undefined {
  const given = bounded(text);
  return given !== undefined && plainNumber.test(given) ? Number(given) : undefined;
}

function untilDate(text: string | undefined, now: string | undefined): Milliseconds | undefined {
  const then = parseInstant(text);
  const from = parseInstant(now);
  return then === undefined || from === undefined ? undefined : Math.max(0, then - from);
}

/** Milliseconds since the epoch of an HTTP date or an RFC 3339 date; undefined for any other text. */
export function parseInstant(text: string | undefined): number | undefined {
  const given = bounded(text);
  if (given === undefined || !(httpDate.test(given) || rfc3339Date.test(given))) return undefined;
  const parsed = Date.parse(given);
  return Number.isNaN(parsed) ? undefined : parsed;
}

function bounded(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed && trimmed.length <= textLengthMax ? trimmed : undefined;
}
