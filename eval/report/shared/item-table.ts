/** A table of all requests: the outcome of a policy against another, harmed requests first. */

import { usd } from '../../../gateway/core/money/price.ts';
import type { Item } from '../../outcomes/outcomes.ts';
import type { SweptSignal } from '../../policies/chain.ts';
import type { Trials } from '../../policies/trials.ts';
import { signalOf } from '../../sweep/thresholds.ts';
import { count, dollars, milliseconds, none, percent } from './format.ts';
import { htmlTable } from './html.ts';

/** A page of more rows is no page to read. */
const rowsMax = 300;

export interface ItemTable {
  readonly items: readonly Item[];
  readonly head: string;
  readonly base: string;
  readonly candidate: Trials;
  readonly baseline: Trials;
  /** Shown where the requests' first answers show it. */
  readonly signal?: { readonly of: string; readonly name: SweptSignal };
  readonly targets: readonly string[];
}

/** Worse first, then better, then the rest by their ids. */
export function itemTable({ items, head, base, candidate, baseline, signal, targets }: ItemTable): string {
  const gap = (i: number): number => candidate.quality[i]! - baseline.quality[i]!;
  const rank = (i: number): number => (gap(i) < 0 ? 0 : gap(i) > 0 ? 1 : 2);
  const order = [...items.keys()].sort((a, b) => rank(a) - rank(b) || Math.abs(gap(b)) - Math.abs(gap(a)) || a - b);
  const shown = order.slice(0, rowsMax);
  const number = (value: number, format: (value: number) => string): string => (Number.isFinite(value) ? format(value) : none);
  const by = (trials: Trials, i: number): string => (trials.step[i]! < 0 ? 'nobody' : (targets[trials.step[i]!] ?? head));
  const talks = items.some(item => item.cluster !== item.id);
  const rows = shown.map(i => {
    const value = signal && signalOf(items[i]!.outcomes.get(signal.of), signal.name);
    return {
      mark: gap(i) < 0 ? 'worse' : gap(i) > 0 ? 'better' : '',
      cells: [
        items[i]!.id,
        ...(talks ? [items[i]!.cluster === items[i]!.id ? none : items[i]!.cluster] : []),
        ...(signal ? [value === undefined ? none : value.toFixed(4)] : []),
        ...(targets.length > 1 ? [by(candidate, i)] : []),
        percent(candidate.quality[i]!),
        percent(baseline.quality[i]!),
        gap(i) < 0 ? 'worse' : gap(i) > 0 ? 'better' : 'same',
        number(candidate.cost[i]!, nano => dollars(usd(nano))),
        number(baseline.cost[i]!, nano => dollars(usd(nano))),
        number(candidate.latencyMs[i]!, milliseconds),
      ],
    };
  });
  const columns = [
    ...['request', ...(talks ? ['conversation'] : []), ...(signal ? [signal.name] : []), ...(targets.length > 1 ? ['answered by'] : [])],
    ...['quality', 'baseline quality', 'change', 'cost', 'baseline cost', 'latency'],
  ];
  const more =
    items.length > rowsMax
      ? `<p class="about">${count(items.length - rowsMax, 'more request')}, none of them worse than those above.</p>`
      : '';
  return `<h2>Every request: ${escaped(head)} against ${escaped(base)}</h2>${htmlTable(columns, rows)}${more}`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
