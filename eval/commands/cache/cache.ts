/** `hindcast eval cache`: what a response cache would have saved on recorded traffic, and who would have got a different answer. */
import { CommandError, exit, loadSettings, printResult, table } from '../../../gateway/cli/command.ts';
import { parseDuration } from '../../../gateway/cli/duration.ts';
import type { CacheScope } from '../../../gateway/core/cache/exact-key.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { parseCount, parseTime } from '../../../replay/recorded/selection.ts';
import { readRecordedRequests } from '../../cache/recorded-requests.ts';
import { replayCache } from '../../cache/replay-cache.ts';
import { type CacheReport, cacheText } from '../../report/cache.ts';
import { parseConfidence, type SharedOptions } from '../shared/options.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface CacheOptions extends SharedOptions {
  readonly since: string;
  readonly route?: string;
  readonly ttl?: readonly string[];
  readonly scope: string;
  readonly confidence: string;
  readonly limit: string;
}

export const scopes = ['tenant', 'project', 'user', 'global'] as const;
const lifetimesDefault = ['5m', '1h', '1d', '7d'];

/** Prints the report; exit code 5 when nothing is recorded that can be read. */
export async function runCache(options: CacheOptions): Promise<number> {
  const confidence = parseConfidence(options.confidence);
  const scope = scopes.find(name => name === options.scope);
  if (scope === undefined) throw new CommandError(exit.usage, `--scope ${options.scope}: write one of ${scopes.join(', ')}.`);
  const lifetimes = (options.ttl ?? lifetimesDefault).map(text => parseDuration(text, '--ttl')).toSorted((a, b) => a - b);
  const settings = loadSettings(options);
  const selection = {
    ...{ route: options.route, scope: scope satisfies CacheScope },
    since: parseTime(options.since, '--since', wallClock.now()),
    limit: parseCount(options.limit, '--limit'),
  };
  const { requests, ...read } = await withStore(settings, store => readRecordedRequests(store, selection));
  if (requests.length === 0) {
    throw new CommandError(exit.nothing, 'No recorded request with a readable body matches. Widen --since, or name another --route.');
  }
  const report: CacheReport = {
    ...{ requests: requests.length, ...read, scope, confidence, from: requests[0]!.at, to: requests.at(-1)!.at },
    lifetimes: lifetimes.map(ttlMs => replayCache(requests, ttlMs, confidence)),
  };
  printResult(options, report, () => cacheText(report, table));
  return 0;
}
