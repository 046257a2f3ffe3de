import type { Milliseconds } from '../shared/time.ts';
import { parseDuration, parseInstant, plainNumber } from './retry-after.ts';

type HeaderMap = Readonly<Record<string, string>>;
type Dimension = keyof ReportedRateLimits;

/** A family of rate-limit headers: how its names are formed and how its reset is written. */
interface HeaderFamily {
  readonly of: Dimension;
  name(word: 'limit' | 'remaining' | 'reset'): string;
  /** `unit` requires a duration with its unit, because Azure sends a bare number under OpenAI's names. */
  readonly reset: 'unit' | 'seconds' | 'instant';
}

const openai = (of: Dimension): HeaderFamily => ({ of, name: word => `x-ratelimit-${word}-${of}`, reset: 'unit' });
const anthropic = (of: Dimension, dimension: string): HeaderFamily => ({
  of,
  name: word => `anthropic-ratelimit-${dimension}-${word}`,
  reset: 'instant',
});
const together = (of: Dimension, prefix: string): HeaderFamily => ({ of, name: word => `${prefix}-${word}`, reset: 'seconds' });

const headerFamilies: readonly HeaderFamily[] = [
  openai('requests'),
  openai('tokens'),
  anthropic('requests', 'requests'),
  anthropic('tokens', 'tokens'),
  anthropic('tokens', 'input-tokens'),
  anthropic('tokens', 'output-tokens'),
  together('requests', 'x-ratelimit'),
  together('tokens', 'x-tokenlimit'),
  together('requests', 'ratelimit'),
];

/** Undefined when the headers give no limits. `headers` has lower-case names. Applies to success and error responses. */
export function rateLimitsOf(headers: HeaderMap): ReportedRateLimits | undefined {
  if (!mentionsLimits(headers)) return undefined;
  const requests = tightest([
    ...reportedLimits(headers, 'requests'),
    ...windowLimits(headers, /^x-ratelimit-limit-req-(?:(\d{1,4})-)?(second|minute|hour)$/),
  ]);
  const tokens = tightest([
    ...reportedLimits(headers, 'tokens'),
    ...windowLimits(headers, /^x-ratelimit-limit-tokens-(?:(\d{1,4})-)?(second|minute|hour)$/),
  ]);
  if (!requests && !tokens) return undefined;
  return { ...(requests ? { requests } : {}), ...(tokens ? { tokens } : {}) };
}

/** Most responses give no limits, and searching for each form would dominate the cost of reading headers. */
function mentionsLimits(headers: HeaderMap): boolean {
  for (const name in headers) if (name.includes('limit')) return true;
  return false;
}

/** The time until all used-up dimensions are available again; undefined when none is used up or it is not given. */
export function exhaustedMs(headers: HeaderMap): Milliseconds | undefined {
  const reported = rateLimitsOf(headers);
  const waits = [reported?.requests, reported?.tokens].flatMap(d => (d?.remaining === 0 && d.resetMs !== undefined ? [d.resetMs] : []));
  const unified = headers['anthropic-ratelimit-unified-status'] === 'rejected' ? untilEpoch(headers) : undefined;
  const all = unified === undefined ? waits : [...waits, unified];
  return all.length > 0 ? Math.max(...all) : undefined;
}

function reportedLimits(headers: HeaderMap, of: Dimension): readonly ReportedLimit[] {
  const byFamily = headerFamilies.filter(form => form.of === of).map(form => reportedIn(form, headers));
  return of === 'requests' ? [...byFamily, structuredFieldLimit(headers)] : byFamily;
}

function reportedIn({ name, reset }: HeaderFamily, headers: HeaderMap): ReportedLimit {
  return reportedLimit(count(headers[name('limit')]), count(headers[name('remaining')]), resetOf(reset, headers[name('reset')], headers));
}

function resetOf(form: HeaderFamily['reset'], text: string | undefined, headers: HeaderMap): Milliseconds | undefined {
  switch (form) {
    case 'unit':
      return text !== undefined && plainNumber.test(text.trim()) ? undefined : parseDuration(text);
    case 'seconds':
      return parseDuration(text);
    case 'instant': {
      const then = parseInstant(text);
      const from = parseInstant(headers.date);
      return then === undefined || from === undefined ? undefined : Math.max(0, then - from);
    }
  }
}

const unitMs: Readonly<Record<string, Milliseconds>> = { second: 1_000, minute: 60_000, hour: 3_600_000 };

/** Mistral names the window in the header and gives no reset: the missing amount returns evenly over the window. */
function windowLimits(headers: HeaderMap, pattern: RegExp): readonly ReportedLimit[] {
  return Object.keys(headers).flatMap((name): readonly ReportedLimit[] => {
    const [matched, times, unit] = pattern.exec(name) ?? [];
    const limit = count(headers[name]);
    if (matched === undefined || !limit) return [];
    const remaining = count(headers[name.replace('-limit-', '-remaining-')]);
    const windowMs = Number(times ?? 1) * unitMs[unit!]!;
    return [reportedLimit(limit, remaining, remaining === undefined ? undefined : (windowMs * Math.max(0, limit - remaining)) / limit)];
  });
}

/**
 * IETF structured fields: `RateLimit: "api";r=999;t=295`, `RateLimit-Policy: "api";q=1000;w=300`. Several policies are ambiguous, so none
 * is used.
 */
function structuredFieldLimit(headers: HeaderMap): ReportedLimit {
  const member = (text: string | undefined, name: string): number | undefined => {
    const found =
      text === undefined || text.length > 256 || text.includes(',') ? null : new RegExp(`;\\s?${name}=(\\d{1,12})(?=;|$)`).exec(text);
    return found ? Number(found[1]) : undefined;
  };
  const seconds = member(headers.ratelimit, 't');
  return reportedLimit(
    member(headers['ratelimit-policy'], 'q'),
    member(headers.ratelimit, 'r'),
    seconds === undefined ? undefined : seconds * 1000,
  );
}

function untilEpoch(headers: HeaderMap): Milliseconds | undefined {
  const seconds = count(headers['anthropic-ratelimit-unified-reset']);
  const from = parseInstant(headers.date);
  return seconds === undefined || from === undefined ? undefined : Math.max(0, seconds * 1000 - from);
}

function count(text: string | undefined): number | undefined {
  const given = text?.trim();
  return given !== undefined && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}

const reportedLimit = (limit?: number, remaining?: number, resetMs?: Milliseconds): ReportedLimit => ({
  ...(limit === undefined ? {} : { limit }),
  ...(remaining === undefined ? {} : { remaining }),
  ...(resetMs === undefined ? {} : { resetMs }),
});

/** Of several limits of one dimension the one with the smallest remaining share. A reset alone gives nothing. */
function tightest(limits: readonly ReportedLimit[]): ReportedLimit | undefined {
  const share = ({ limit, remaining }: ReportedLimit): number =>
    remaining === undefined ? 1 : remaining / Math.max(1, limit ?? remaining);
  return limits
    .filter(({ limit, remaining }) => limit !== undefined || remaining !== undefined)
    .reduce<ReportedLimit | undefined>((least, one) => (least && share(least) <= share(one) ? least : one), undefined);
}

/** One dimension of a limit from a provider's headers; a member is absent when they do not give it. */
export interface ReportedLimit {
  readonly limit?: number;
  readonly remaining?: number;
  /** Time until the full limit is available. */
  readonly resetMs?: Milliseconds;
}

/** The rate limits of a key and model from the headers of a response or error response. */
export interface ReportedRateLimits {
  readonly requests?: ReportedLimit;
  readonly tokens?: ReportedLimit;
}
