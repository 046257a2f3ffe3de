/** The planner: from a route and a request to the request's policy, by variant, flag, price, latency and load. */

import type { ChatRequest } from '../core/chat/chat.ts';
import type { Caller } from '../core/exchange.ts';
import { type ModelFacts, requirementsOf } from '../core/money/catalogue.ts';
import type { Price } from '../core/money/price.ts';
import type { RoutePolicy } from '../core/routing/contract.ts';
import { planRoute, type TargetEstimate } from '../core/routing/plan.ts';
import { chooseVariant, type FlagEvaluation, type Variant } from '../core/routing/variants.ts';
import type { Clock, Instant } from '../core/shared/time.ts';
import { latencyQuantile, loadOf, predictedMs } from '../core/targets/health.ts';
import { providerOf } from '../core/targets/target-name.ts';
import { createModelCatalogue } from '../prices/model-catalogue.ts';
import type { Account, Route, Settings } from '../settings/settings.ts';
import { withMakers } from './makers.ts';
import type { TargetRegistry } from './registry.ts';

/** The request to plan for. */
export interface PlanInput {
  /** The request's id: the seed of its random choices. */
  readonly id: string;
  readonly chat: ChatRequest;
  /** Length of the caller's body. */
  readonly requestBytes: number;
  readonly caller: Pick<Caller, 'tenant' | 'key' | 'conversation'>;
  /** The evaluation of the route's flag; undefined when it has none, or when the evaluation failed. */
  readonly flag?: FlagEvaluation | undefined;
}

export interface PlannerOptions {
  readonly settings: Settings;
  readonly registry: TargetRegistry;
  readonly clock: Clock;
  priceOf(account: Account, model: string, at: Instant): Price | undefined;
}

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

/** A route without a choice has the same policy for every request. */
const fixedPolicies = new WeakMap<Route, RoutePolicy>();

/** A function from a route and a request to the policy. A policy without steps means that no target qualifies. */
export function createPlanner({ settings, registry, clock, priceOf }: PlannerOptions): (route: Route, input: PlanInput) => RoutePolicy {
  const catalogueFacts = createModelCatalogue();
  const factsOf = (account: Account, model: string): ModelFacts => ({
    ...(account.region === undefined ? {} : { region: account.region }),
    ...catalogueFacts(account.provider.priceBook, model),
    ...settings.models?.[`${account.name}/${model}`],
  });
  const prospectOf = (target: string): TargetEstimate => {
    const account = settings.providers.get(providerOf(target));
    const model = target.slice(target.indexOf('/') + 1);
    const at = clock.now();
    return {
      facts: account ? factsOf(account, model) : {},
      price: account && priceOf(account, model, at),
      load: loadOf(registry.health, target, at),
      predictedMs: predictedMs(registry.health, target, at),
      quantileMs: q => latencyQuantile(registry.health, target, quantiles[q]),
    };
  };
  return (configured, input) => {
    const route = registry.breaches.routeInForce(configured);
    if (isFixed(route)) return fixedPolicy(route, settings.providers);
    const stickyKey = stickyKeyOf(input);
    const { tenant, key } = input.caller;
    const shareOf = (variant: Variant): number => registry.rollouts.shareOf(route.name, variant);
    const choice = chooseVariant(route.name, route.variants ?? [], { tenant, key, stickyKey }, shareOf, input.flag);
    const variantRoute = choice && settings.routes.get(choice.variant.route);
    const chosenRoute = variantRoute ? registry.breaches.routeInForce(variantRoute) : route;
    const { onUnsupported: _, variants: __, copies: ___, flag: ____, ...plan } = chosenRoute;
    const planContext = { requirements: requirementsOf(input.chat, input.requestBytes), seed: input.id, stickyKey };
    const policy = withMakers(planRoute(plan, planContext, prospectOf), settings.providers);
    return { ...policy, name: route.name, ...(choice ? { variant: { name: chosenRoute.name, why: choice.why } } : {}) };
  };
}

/** The error message of a policy without steps, with the reason for each target; undefined when there is a step. */
export function describeNoTarget({ name, steps, considered = [] }: RoutePolicy): string | undefined {
  if (steps.length > 0) return undefined;
  const reasons = considered.map(({ target, why }) => `${target}: ${why}`).join('; ');
  return `No target of ${name} qualifies for this request. ${reasons}.`.slice(0, 1_000);
}

function isFixed({ strategy, require, maxPriceNanoUsd, slowAfterMs, variants, steps }: Route): boolean {
  const chooses = strategy ?? require ?? maxPriceNanoUsd ?? slowAfterMs ?? variants;
  return chooses === undefined && steps.every(step => step.hedgeAfter === undefined);
}

function fixedPolicy(route: Route, accounts: Settings['providers']): RoutePolicy {
  const known = fixedPolicies.get(route);
  if (known) return known;
  const { onUnsupported: _, copies: __, ...policy } = route;
  const steps = route.steps.map(({ hedgeAfter: _, weight: __, ...step }) => step);
  const created = withMakers({ ...policy, steps }, accounts);
  fixedPolicies.set(route, created);
  return created;
}

const openingLengthMax = 1_000;

/** The id of the conversation, or its opening: later turns repeat it, and hit the same prompt cache. */
export function stickyKeyOf({ caller, chat }: Pick<PlanInput, 'caller' | 'chat'>): string {
  if (caller.conversation !== '') return caller.conversation;
  const opening = chat.messages.findIndex(message => message.role === 'user');
  const texts = chat.messages.slice(0, opening + 1).flatMap(({ content }) => content.map(part => (part.type === 'text' ? part.text : '')));
  return `${caller.tenant} ${texts.join('\n').slice(0, openingLengthMax)}`;
}
