/** Side calls for a buffered response: the same request again, to measure agreement, or a judge's verdict. */

import type { SignalName, Signals } from '../signals/names.ts';
import { withScorerSignal } from '../signals/scorer.ts';
import { type AcceptRule, accepts, confidenceOf } from '../signals/signal.ts';
import type { RouteAttempt, RouteStep, RoutingInput } from './contract.ts';
import { cooldownUntil } from './retry.ts';

/** The signals that side calls can give in this step. */
function obtainableSignals({ samples = 1, judge }: RouteStep): readonly SignalName[] {
  return [...(samples > 1 ? (['agreement'] as const) : []), ...(judge === undefined ? [] : (['judge'] as const))];
}

/** Undefined while side calls could still change the decision. */
export function decideAcceptance(step: RouteStep, signals: Signals): boolean | undefined {
  if (!step.accept) return true;
  // The response is unsound by itself; no verdict changes that.
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

/** The targets of the side calls, one entry a call. Targets in cooldown are left out: a side call is never a last resort. */
export function sideCallTargets({ target, samples = 1, judge }: RouteStep, signals: Signals, now: RoutingInput): readonly string[] {
  const samplesToAsk = signals.agreement === undefined ? Array.from({ length: samples - 1 }, () => target) : [];
  const all = judge === undefined || signals.judge !== undefined ? samplesToAsk : [...samplesToAsk, judge];
  return all.filter(side => cooldownUntil(now, side) <= now.at);
}

/** The response's signals after its side calls: the mean of their signals. A failed side call gives none. */
export function withSideCallSignals(step: RouteStep, buffered: RouteAttempt, sideCalls: readonly RouteAttempt[]): Signals {
  const mean = (name: 'agreement' | 'judge'): Partial<Record<SignalName, number>> => {
    const values = sideCalls.flatMap(({ signals }) => (signals?.[name] === undefined ? [] : [signals[name]]));
    return values.length === 0 ? {} : { [name]: values.reduce((sum, x) => sum + x, 0) / values.length };
  };
  return withScorerSignal(step.scorer, { ...mean('agreement'), ...mean('judge'), ...buffered.signals });
}
