import { usd } from '../../gateway/core/money/price.ts';
import { featureNames, signalNames } from '../../gateway/core/signals/names.ts';
import type { Item, Outcome } from './outcomes.ts';

/** One line an item, in the order of the ids and targets: the same outcomes are the same bytes. Items that no target knows are left out. */
export function printOutcomes(items: readonly Item[], targets: readonly string[]): string {
  return items
    .filter(item => targets.some(target => item.outcomes.has(target)))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(item => `${JSON.stringify(lineOf(item, targets))}\n`)
    .join('');
}

const lineOf = ({ id, cluster, weight, chance, tags, outcomes }: Item, targets: readonly string[]): object => ({
  id,
  ...(cluster === id ? {} : { cluster }),
  ...(weight === undefined || weight === 1 ? {} : { weight }),
  ...(chance === undefined || chance === 1 ? {} : { chance }),
  ...(tags && Object.keys(tags).length > 0
    ? { tags: Object.fromEntries(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1))) }
    : {}),
  targets: Object.fromEntries(
    targets.flatMap(target => {
      const outcome = outcomes.get(target);
      return outcome ? [[target, cellOf(outcome)]] : [];
    }),
  ),
});

/** An unknown cost is written as null, so that it is not read as 0. */
function cellOf({ quality, signals, costNanoUsd, latencyMs, firstTokenMs, scores, model, drawn, failure }: Outcome): object {
  const shown = [...signalNames, ...featureNames].flatMap(name => (signals[name] === undefined ? [] : [[name, signals[name]] as const]));
  return {
    ...(quality === undefined ? {} : { quality }),
    ...(shown.length === 0 ? {} : { signals: Object.fromEntries(shown) }),
    cost: costNanoUsd === undefined ? null : usd(costNanoUsd),
    ...(latencyMs === undefined ? {} : { latency_ms: latencyMs }),
    ...(firstTokenMs === undefined ? {} : { ttft_ms: latencyMs === undefined ? firstTokenMs : Math.min(firstTokenMs, latencyMs) }),
    ...(scores === undefined || Object.keys(scores).length === 0 ? {} : { scores }),
    ...(model === undefined ? {} : { model }),
    ...(drawn ? { drawn } : {}),
    ...(failure ? { error: failure.kind } : {}),
  };
}
