/** A policy's outcomes in numeric columns, so that many thresholds are evaluated without reading each outcome again. */
import type { RoutePolicy, RouteStep } from '../../gateway/core/routing/router.ts';
import { withScorerSignal } from '../../gateway/core/signals/scorer.ts';
import { type AcceptRule, accepts, confidenceOf } from '../../gateway/core/signals/signal.ts';
import { tabulate } from '../../statistics/index.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { SweptSignal } from './chain.ts';

export interface StepColumns {
  /** Of this step's target; built anew at each call where items are rows of a table. */
  readonly outcomeAt: (i: number) => Outcome | undefined;
  /** Where there is an outcome, and where it is a failure. */
  readonly known: Uint8Array;
  readonly failed: Uint8Array;
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
  const n = items.length;
  const outcomeAt = (i: number): Outcome | undefined => items[i]!.outcomes.get(target);
  const column = (): Float64Array => new Float64Array(n).fill(Number.NaN);
  const bytes = (): Uint8Array => new Uint8Array(n);
  const columns = { cost: column(), quality: column(), latencyMs: new Float64Array(n), firstTokenMs: column() };
  const [known, failed, timed] = [bytes(), bytes(), bytes()];
  for (let i = 0; i < n; i++) {
    const outcome = outcomeAt(i);
    if (!outcome) continue;
    known[i] = 1;
    failed[i] = Number(outcome.failure !== undefined);
    timed[i] = Number(outcome.latencyMs !== undefined);
    columns.cost[i] = costOf(outcome);
    columns.quality[i] = outcome.quality ?? Number.NaN;
    columns.latencyMs[i] = outcome.latencyMs ?? 0;
    columns.firstTokenMs[i] = outcome.firstTokenMs ?? Number.NaN;
  }
  return { ...columns, outcomeAt, known, failed, timed };
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
    for (let k = 0; k < columns.length; k++) {
      const { known, failed, latencyMs } = columns[k]!;
      if (known[i] === 1 && (failed[i] === 1 || !(latencyMs[i]! < steps[k]!.timeoutMs))) fits = false;
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
    const { outcomeAt } = this.#columns[k]!;
    if (!accept) return () => false;
    if ('signal' in accept) {
      const values = this.#valuesOf(k, accept, scorer);
      const { atLeast } = accept;
      return i => values[i]! >= atLeast;
    }
    return i => {
      const outcome = outcomeAt(i);
      return outcome !== undefined && !outcome.failure && accepts(accept, withScorerSignal(scorer, outcome.signals));
    };
  }

  /** NaN where the answer shows nothing that could be accepted. */
  #valuesOf(k: number, accept: Extract<AcceptRule, { readonly signal: unknown }>, scorer: RouteStep['scorer']): Float64Array {
    const key = `${k} ${accept.signal}`;
    const known = this.#values.get(key);
    if (known) return known;
    const { outcomeAt, known: isKnown } = this.#columns[k]!;
    const values = tabulate(isKnown.length, i => {
      const outcome = outcomeAt(i);
      if (!outcome || outcome.failure) return Number.NaN;
      const signals = withScorerSignal(scorer, outcome.signals);
      if (signals.sound === 0) return Number.NaN;
      return (accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal]) ?? Number.NaN;
    });
    this.#values.set(key, values);
    return values;
  }
}
