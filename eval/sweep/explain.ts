/** One request in detail: each target's outcome, why the chain accepted a response or not, and the result at other thresholds. */

import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import { type AcceptRule, accepts, confidenceOf } from '../../gateway/core/signals/signal.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, withThresholds } from '../policies/chain.ts';
import { runTrial, type Trial } from '../policies/trials.ts';
import { signalOf } from './thresholds.ts';

export interface Explanation {
  readonly chain: string;
  readonly item: string;
  readonly cluster: string;
  readonly signal: SweptSignal;
  readonly label: string;
  readonly targets: readonly (Partial<Outcome> & { readonly target: string; readonly known: boolean })[];
  /** What the policy in question did, step by step as far as it went; empty when there is no policy in question. */
  readonly steps: readonly Step[];
  /** One for each step that can answer, in order. */
  readonly alternatives: readonly Alternative[];
}

export interface Step {
  readonly target: string;
  readonly verdict: 'answers' | 'escalates' | 'fails' | 'unknown';
  readonly why: string;
}

export interface Alternative {
  /** In words: `up to 0.81`, `above 0.81`. */
  readonly when: string;
  readonly target: string;
  /** null when an outcome that it depends on is missing. */
  readonly trial: Trial | null;
}

/** `policy` is the rule in question: the chain's own, or one with thresholds. */
export function explain(
  chain: Chain,
  item: Item,
  label: string,
  { signal, policy }: { readonly signal: SweptSignal; readonly policy: RoutePolicy | undefined },
): Explanation {
  return {
    ...{ chain: chain.name, item: item.id, cluster: item.cluster, signal, label },
    targets: chain.targets.map(target => ({ target, known: item.outcomes.has(target), ...item.outcomes.get(target) })),
    steps: policy ? stepsOf(policy, item) : [],
    alternatives: alternativesOf(chain, item, signal),
  };
}

function stepsOf(policy: RoutePolicy, item: Item): Step[] {
  const steps: Step[] = [];
  for (const { target, accept } of policy.steps) {
    const outcome = item.outcomes.get(target);
    const step = stepOf(target, accept, outcome);
    steps.push(step);
    if (step.verdict === 'answers' || step.verdict === 'unknown') break;
  }
  return steps;
}

function stepOf(target: string, accept: AcceptRule | undefined, outcome: Outcome | undefined): Step {
  if (!outcome) return { target, verdict: 'unknown', why: 'its response is not known' };
  if (outcome.failure) return { target, verdict: 'fails', why: outcome.failure.kind };
  if (!accept) return { target, verdict: 'answers', why: 'every response is accepted' };
  return { target, verdict: accepts(accept, outcome.signals) ? 'answers' : 'escalates', why: reasonOf(accept, outcome.signals) };
}

/** `confidence 0.81 ≥ 0.74`, and the same of every part of a rule of several. */
export function reasonOf(accept: AcceptRule, signals: Signals): string {
  if ('signal' in accept) {
    const value = accept.signal === 'confidence' ? confidenceOf(signals) : signals[accept.signal];
    if (value === undefined) return `${accept.signal} is not known`;
    return `${accept.signal} ${roundedDown(value)} ${value >= accept.atLeast ? '≥' : '<'} ${accept.atLeast}`;
  }
  const parts = 'all' in accept ? accept.all : accept.any;
  return `${'all' in accept ? 'all of' : 'any of'} (${parts.map(part => reasonOf(part, signals)).join(', ')})`;
}

/** Six decimals, rounded down: what is written here as a threshold accepts the answer. */
export const roundedDown = (value: number): string => (String(value).length <= 8 ? String(value) : String(Math.floor(value * 1e6) / 1e6));

/** Which step answers changes only where a step's own signal is passed: with K targets there are at most K ways. */
function alternativesOf(chain: Chain, item: Item, signal: SweptSignal): Alternative[] {
  const above: string[] = [];
  const found: Alternative[] = [];
  const several = chain.targets.length > 2;
  for (const [step, target] of chain.targets.entries()) {
    const last = step === chain.targets.length - 1;
    const outcome = item.outcomes.get(target);
    const value = signalOf(outcome, signal);
    if (!last && outcome && value === undefined) {
      above.push(...(several ? [`${target}: any`] : ['any']));
      continue;
    }
    const own = value === undefined ? 'any' : `up to ${roundedDown(value)}`;
    const conditions = last ? above : [...above, several ? `${target}: ${own}` : own];
    const taken = chain.targets.slice(0, -1).map((_, i) => (i < step ? Number.POSITIVE_INFINITY : 0));
    const known = outcome !== undefined && (!last || chain.targets.every(t => item.outcomes.has(t)));
    found.push({
      when: conditions.join(', '),
      target,
      trial: known && isKnownUpTo(chain, item, step) ? runTrial(withThresholds(chain, taken, signal), item) : null,
    });
    if (!outcome && !last) break;
    if (value !== undefined) above.push(several ? `${target}: above ${roundedDown(value)}` : `above ${roundedDown(value)}`);
  }
  return found;
}

/** Whether every target up to the step is known. */
const isKnownUpTo = ({ targets }: Chain, { outcomes }: Item, step: number): boolean =>
  targets.slice(0, step + 1).every(target => outcomes.has(target));
