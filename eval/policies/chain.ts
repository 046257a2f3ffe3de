/** The chain to evaluate: a route of the config, or targets named on the command line, cheapest first. */

import type { RoutePolicy, RouteStep } from '../../gateway/core/routing/router.ts';
import type { SignalName } from '../../gateway/core/signals/names.ts';
import type { Scorer } from '../../gateway/core/signals/scorer.ts';
import type { AcceptRule } from '../../gateway/core/signals/signal.ts';
import type { Route } from '../../gateway/settings/settings.ts';

export interface Chain {
  readonly name: string;
  readonly targets: readonly string[];
  /** As it is judged: no second tries and no hedging, since one outcome for each target is known, its own tries included. */
  readonly policy: RoutePolicy;
  /** Whether the configuration sets thresholds. */
  readonly configured: boolean;
}

/** What a threshold is laid on: a signal, or `confidence` for the one it means. */
export type SweptSignal = SignalName | 'confidence';

/** Outcomes without a config are taken as they were measured: nothing times out. */
const unlimitedMs = 1e12;

/** A route's name, or targets with commas between. A string is what is wrong with it. */
export function chainOf(text: string, routes: ReadonlyMap<string, Route>): Chain | string {
  const route = routes.get(text);
  if (route) return chainOfRoute(text, route);
  const targets = text
    .split(',')
    .map(target => target.trim())
    .filter(target => target !== '');
  if (targets.length < 2) {
    const known = routes.size > 0 ? `the config's routes are ${[...routes.keys()].join(', ')}` : 'no config names a route';
    return `there is no route "${text}" (${known}); name a route, or targets with commas between, cheap ones first`;
  }
  const steps = targets.map(target => step(target, unlimitedMs));
  return validatedChain({ name: text, targets, policy: { name: text, deadlineMs: unlimitedMs, steps }, configured: false });
}

/** The chain of a configured route, or why it cannot be judged. */
export function chainOfRoute(name: string, route: Route): Chain | string {
  const steps = route.steps.map(({ target, timeoutMs, accept, scorer }) => step(target, timeoutMs, accept, scorer));
  const targets = steps.map(({ target }) => target);
  return validatedChain({ name, targets, policy: { name, deadlineMs: route.deadlineMs, steps }, configured: steps.some(s => s.accept) });
}

function validatedChain(chain: Chain): Chain | string {
  const { name, targets } = chain;
  const twice = targets.find((target, i) => targets.indexOf(target) !== i);
  if (twice !== undefined) return `${twice} stands in "${name}" twice; a second try of the same target has no recorded outcome`;
  return targets.length > stepsMax ? `"${name}" has ${targets.length} targets; at most ${stepsMax} can be judged` : chain;
}

/** More steps with thresholds make more ways through a chain than can be remembered. */
const stepsMax = 6;

const step = (target: string, timeoutMs: number, accept?: AcceptRule, scorer?: Scorer): RouteStep => ({
  target,
  timeoutMs,
  retries: 0,
  backoffMs: 0,
  ...(accept ? { accept } : {}),
  ...(scorer ? { scorer } : {}),
});

/** The chain with these thresholds on all steps but the last. */
export function withThresholds(chain: Chain, thresholds: readonly number[], signal: SweptSignal): RoutePolicy {
  const steps = chain.policy.steps.map((s, i) => (i < thresholds.length ? { ...s, accept: { signal, atLeast: thresholds[i]! } } : s));
  return { ...chain.policy, steps };
}

/** One target alone, taken as it comes. */
export function singleTargetPolicy(chain: Chain, target: string): RoutePolicy {
  const found = chain.policy.steps.find(s => s.target === target) ?? step(target, unlimitedMs);
  const { accept: _, ...rest } = found;
  return { ...chain.policy, name: target, steps: [rest] };
}

/** The thresholds that the config gives, where each step but the last has one on `signal` and nothing else. */
export function thresholdsOf(policy: RoutePolicy, signal: SweptSignal): readonly number[] | undefined {
  const thresholds = policy.steps
    .slice(0, -1)
    .map(({ accept }) => (accept && 'signal' in accept && accept.signal === signal ? accept.atLeast : undefined));
  return thresholds.every(t => t !== undefined) ? thresholds : undefined;
}
