/** Calls on the side of an answer that is held back: the same question again, to see whether the answers agree, or a judge's opinion of it. */

import { closedUntil } from './retry.ts';
import type { Moment, RouteAttempt, RouteStep } from './routing.ts';
import { withScore } from './scorer.ts';
import { type Accept, accepts, confidenceOf, type SignalName, type Signals } from './signal.ts';

/** What calls on the side would tell of an answer in this step. */
function obtainable({ samples = 1, judge }: RouteStep): readonly SignalName[] {
  return [...(samples > 1 ? (['agreement'] as const) : []), ...(judge === undefined ? [] : (['judge'] as const))];
}

/** Undefined while calls on the side could still tip it. */
export function decide(step: RouteStep, signals: Signals): boolean | undefined {
  if (!step.accept) return true;
  // It failed by itself: no opinion of it changes that.
  if (signals.sound === 0) return false;
  const missing = obtainable(step).filter(name => signals[name] === undefined);
  return missing.length === 0 ? accepts(step.accept, signals) : open(step, step.accept, signals, missing);
}

function open(step: RouteStep, accept: Accept, signals: Signals, missing: readonly SignalName[]): boolean | undefined {
  if ('signal' in accept) {
    const { signal, atLeast } = accept;
    const isScored = (signal === 'scorer' || signal === 'confidence') && step.scorer;
    if (
      isScored ? step.scorer!.features.some(f => (missing as readonly string[]).includes(f.signal)) : missing.includes(signal as SignalName)
    )
      return undefined;
    const value = signal === 'confidence' ? confidenceOf(signals) : signals[signal];
    return value !== undefined && value >= atLeast;
  }
  const [parts, settled] = 'all' in accept ? [accept.all, false] : [accept.any, true];
  const verdicts = parts.map(part => open(step, part, signals, missing));
  if (verdicts.includes(settled)) return settled;
  return verdicts.includes(undefined) ? undefined : !settled;
}

/** Whom to ask on the side, as often as they stand here. Nobody whom the fleet refuses: an opinion is no last resort. */
export function sidesOf({ target, samples = 1, judge }: RouteStep, signals: Signals, now: Moment): readonly string[] {
  const again = signals.agreement === undefined ? Array.from({ length: samples - 1 }, () => target) : [];
  const all = judge === undefined || signals.judge !== undefined ? again : [...again, judge];
  return all.filter(one => closedUntil(now, one) <= now.at);
}

/** What an answer shows once the calls on its side are over: the mean of what they told; one that failed told nothing. */
export function judged(step: RouteStep, held: RouteAttempt, sides: readonly RouteAttempt[]): Signals {
  const mean = (name: 'agreement' | 'judge'): Partial<Record<SignalName, number>> => {
    const told = sides.flatMap(({ signals }) => (signals?.[name] === undefined ? [] : [signals[name]]));
    return told.length === 0 ? {} : { [name]: told.reduce((sum, x) => sum + x, 0) / told.length };
  };
  return withScore(step.scorer, { ...mean('agreement'), ...mean('judge'), ...held.signals });
}
