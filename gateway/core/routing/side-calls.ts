/** Calls on the side of an answer that is held back: the same question again, to see whether the answers agree, or a judge's opinion of it. */

import type { SignalName, Signals } from '../signals/names.ts';
import { withScorerSignal } from '../signals/scorer.ts';
import { type AcceptRule, accepts, confidenceOf } from '../signals/signal.ts';
import type { RouteAttempt, RouteStep, RoutingInput } from './contract.ts';
import { cooldownUntil } from './retry.ts';

/** What calls on the side would tell of an answer in this step. */
function obtainableSignals({ samples = 1, judge }: RouteStep): readonly SignalName[] {
  return [...(samples > 1 ? (['agreement'] as const) : []), ...(judge === undefined ? [] : (['judge'] as const))];
}

/** Undefined while calls on the side could still tip it. */
export function decideAcceptance(step: RouteStep, signals: Signals): boolean | undefined {
  if (!step.accept) return true;
  // It failed by itself: no opinion of it changes that.
  if (signals.sound === 0) return false;
  const missing = obtainableSignals(step).filter(name => signals[name] === undefined);
  return missing.length === 0 ? accepts(step.accept, signals) : evaluateAccept(step, step.accept, signals, missing);
}

function evaluateAccept(step: RouteStep, accept: AcceptRule, signals: Signals, missing: readonly SignalName[]): boolean | undefined {
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
  const verdicts = parts.map(part => evaluateAccept(step, part, signals, missing));
  if (verdicts.includes(settled)) return settled;
  return verdicts.includes(undefined) ? undefined : !settled;
}

/** Whom to ask on the side, as often as they stand here. Nobody whom the fleet refuses: an opinion is no last resort. */
export function sideCallTargets({ target, samples = 1, judge }: RouteStep, signals: Signals, now: RoutingInput): readonly string[] {
  const samplesToAsk = signals.agreement === undefined ? Array.from({ length: samples - 1 }, () => target) : [];
  const all = judge === undefined || signals.judge !== undefined ? samplesToAsk : [...samplesToAsk, judge];
  return all.filter(side => cooldownUntil(now, side) <= now.at);
}

/** What an answer shows once the calls on its side are over: the mean of what they told; one that failed told nothing. */
export function withSideCallSignals(step: RouteStep, held: RouteAttempt, sideCalls: readonly RouteAttempt[]): Signals {
  const mean = (name: 'agreement' | 'judge'): Partial<Record<SignalName, number>> => {
    const values = sideCalls.flatMap(({ signals }) => (signals?.[name] === undefined ? [] : [signals[name]]));
    return values.length === 0 ? {} : { [name]: values.reduce((sum, x) => sum + x, 0) / values.length };
  };
  return withScorerSignal(step.scorer, { ...mean('agreement'), ...mean('judge'), ...held.signals });
}
