/** The report of `hindcast eval cache`. */
import { usd } from '../../gateway/core/money/price.ts';
import type { CacheOutcome } from '../cache/replay-cache.ts';
import { count, dollars, none, percent, withInterval } from './shared/format.ts';

export interface CacheReport {
  readonly requests: number;
  readonly routes: readonly string[];
  readonly configurations: number;
  readonly unreadable: number;
  readonly from: number;
  readonly to: number;
  readonly scope: string;
  readonly confidence: number;
  readonly lifetimes: readonly CacheOutcome[];
}

/** Lines and one table; `table` draws it. */
export function cacheText(report: CacheReport, table: (head: readonly string[], rows: readonly (readonly string[])[]) => string): string {
  const { requests, routes, configurations, unreadable, from, to, scope, confidence, lifetimes } = report;
  const minute = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  const rows = lifetimes.map(outcome => [
    lifetime(outcome.ttlMs),
    withInterval(outcome.hitRate, percent),
    outcome.savedShare === undefined
      ? dollars(usd(outcome.savedNanoUsd))
      : `${dollars(usd(outcome.savedNanoUsd))}, ${withInterval(outcome.savedShare, percent)} of the cost`,
    `${Math.round(outcome.savedSeconds).toLocaleString('en')} s`,
    outcome.differentShare === undefined ? none : withInterval(outcome.differentShare, percent),
    outcome.comparedHits.toLocaleString('en'),
  ]);
  const unpriced = lifetimes.at(-1)?.unpricedHits ?? 0;
  return [
    [
      `${count(requests, 'request')} of callers, without replays and refused ones; an exact cache would have stood before them.`,
      `Recorded from ${minute(from)} to ${minute(to)} UTC, route ${routes.join(', ')}, ${count(configurations, 'configuration')}.`,
      ...(unreadable > 0 ? [`${count(unreadable, 'request')} left out: redacted, cut or recorded without payloads.`] : []),
    ].join('\n'),
    `scope ${scope}   ${count(lifetimes[0]?.keys ?? 0, 'different request')}   intervals: ${percent(confidence)}, clustered by equal requests`,
    table(['lifetime', 'hits', 'saved', 'time saved', 'different answer', 'compared hits'], rows),
    [
      'different answer: the hit would have repeated an earlier answer, and the recorded one differs in text or tool calls.',
      'Sampling alone makes answers differ: measure it with hindcast replay run --aa, and set temperature to 0 where answers shall repeat.',
      'Equal requests under way count as hits: they wait for the first. Failed, cut and filtered answers are never kept.',
      ...(unpriced > 0 ? [`${count(unpriced, 'hit')} have no known price and are missing from what is saved.`] : []),
    ].join('\n'),
  ].join('\n\n');
}

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const;

const lifetime = (ms: number): string => {
  const [size, unit] = units.find(([size]) => ms % size === 0) ?? [1, 'ms'];
  return `${ms / size}${unit}`;
};
