/** A policy's outcomes in numeric columns, so that many thresholds are evaluated without reading each outcome again. */
import type { RoutePolicy, RouteStep } from '../../gateway/core/routing/router.ts';
import { withScorerSignal } from '../../gateway/core/signals/scorer.ts';
import { type AcceptRule, accepts, confidenceOf } from '../../gateway/core/signals/signal.ts';
import { tabulate } from '../../statistics/index.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { SweptSignal } from './chain.ts';

export interface StepColumns {
  readonly outcomes: readonly (Outcome | undefined)[];
  readonly cost: Float64Array;
  readonly quality: Float64Array;
  /** 0 where unknown, as the router takes it. */
  readonly latencyMs: Float64Array;
  readonly firstTokenMs: Float64Array;
  /** Where the latency is known. */
  readonly timed: Uint8Array;
}

/** What an answer shows of a signal; undefined where there is no answer, or it shows none. */
export const signalValueOf = (outcome: Outcome | undefined, signal: SweptSignal): number | undefined =>
  outcome === undefined || outcome.failure ? undefined : signal === 'confidence' ? confidenceOf(outcome.signals) : outcome.signals[signal];

/** A failure without a price was not billed. */
export const costOf = (outcome: Outcome): number => outcome.costNanoUsd ?? (outcome.failure ? 0 : Number.NaN);

/** One step's outcomes as columns; a missing number is filled with the value that counts as nothing. */
export function columnsOf({ target }: RouteStep, items: readonly Item[]): StepColumns {
  const outcomes = items.map(item => item.outcomes.get(target));
  const column = (of: (outcome: Outcome) => number | undefined, otherwise: number): Float64Array =>
    tabulate(items.length, i => (outcomes[i] ? (of(outcomes[i]) ?? otherwise) : otherwise));
  return {
    outcomes,
    cost: column(costOf, Number.NaN),
    quality: column(o => o.quality, Number.NaN),
    latencyMs: column(o => o.latencyMs, 0),
    firstTokenMs: column(o => o.firstTokenMs, Number.NaN),
    timed: Uint8Array.from(outcomes, o => Number(o?.latencyMs !== undefined)),
  };
}

/**
 * Items at which time and failures decide nothing: every target that is known answered, within its time and all of them within the deadline. What such
 * an item's chain does hangs on the accepted answers alone, and its times add up.
 */
export function failureFreeItems({ steps, deadlineMs }: RoutePolicy, columns: readonly StepColumns[], items: number): Uint8Array {
  const failureFree = new Uint8Array(items);
  for (let i = 0; i < items; i++) {
    let total = 0;
    let fits = true;
    for (const [k, { outcomes, latencyMs }] of columns.entries()) {
      const outcome = outcomes[i];
      if (outcome && (outcome.failure || !(latencyMs[i]! < steps[k]!.timeoutMs))) fits = false;
      total += latencyMs[i]!;
    }
    failureFree[i] = Number(fits && total < deadlineMs);
  }
  return failureFree;
}

/** Which answers a step takes, as the router would decide it; the values of single signals are remembered. */
export class AcceptanceTable {
  readonly #values = new Map<string, Float64Array>();
  readonly #columns: readonly StepColumns[];

  constructor(columns: readonly StepColumns[]) {
    this.#columns = columns;
  }

  /** Whether item i's answer at step k is taken. */
  of(k: number, { accept, scorer }: RouteStep): (i: number) => boolean {
    const { outcomes } = this.#columns[k]!;
    if (!accept) return () => false;
    if ('signal' in accept) {
      const values = this.#valuesOf(k, accept, scorer);
      const { atLeast } = accept;
      return i => values[i]! >= atLeast;
    }
    return i => {
      const outcome = outcomes[i];
      return outcome !== undefined && !outcome.failure && accepts(accept, withScorerSignal(scorer, outcome.signals));
    };
  }

  /** NaN where the answer shows nothing that could be accepted. */
  #valuesOf(k: number, accept: Extract<AcceptRule, { readonly signal: unknown }>, scorer: RouteStep['scorer']): Float64Array {
    const key = `${k} ${accept.signal}`;
    const known = this.#values.get(key);
    if (known) return known;
    const { outcomes } = this.#columns[k]!;
    const values = tabulate(outcomes.length, i => {
      const outcome = outcomes[i];
      if (!outcome || outcome.failure) return Number.NaN;
      const signals = withScorerSignal(scorer, outcome.signals);
      if (signals.sound === 0) return Number.NaN;
      return (accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal]) ?? Number.NaN;
    });
    this.#values.set(key, values);
    return values;
  }
}
