/** Makes the policy of a request: its route or a variant of it, over what is known of the targets just now. */

import { type ModelFacts, needOf } from '../core/catalogue.ts';
import type { ChatRequest } from '../core/chat.ts';
import type { Caller } from '../core/exchange.ts';
import { latencyQuantile, loadOf, predictedMs } from '../core/fleet.ts';
import { type Prospect, planRoute } from '../core/plan.ts';
import type { Price } from '../core/price.ts';
import type { RoutePolicy } from '../core/routing.ts';
import { providerOf } from '../core/target.ts';
import type { Clock, Instant } from '../core/time.ts';
import { chooseVariant, type FlagSaid, type Variant } from '../core/variants.ts';
import { catalogue } from '../prices/catalogue.ts';
import type { Account, Route, Settings } from '../settings/settings.ts';
import type { FleetState } from './state.ts';

/** The request that is planned for. */
export interface Planned {
  /** The seed of its coins. */
  readonly id: string;
  readonly chat: ChatRequest;
  /** Length of the caller's body. */
  readonly requestBytes: number;
  readonly caller: Pick<Caller, 'tenant' | 'key' | 'conversation'>;
  /** What the route's flag said, where it has one that could be asked. */
  readonly said?: FlagSaid | undefined;
}

export interface PlannerParts {
  readonly settings: Settings;
  readonly fleet: FleetState;
  readonly clock: Clock;
  priceOf(account: Account, model: string, at: Instant): Price | undefined;
}

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

/** A route that leaves nothing to choose is the same policy for every request. */
const fixed = new WeakMap<Route, RoutePolicy>();

export function createPlanner({ settings, fleet, clock, priceOf }: PlannerParts): (route: Route, planned: Planned) => RoutePolicy {
  const known = catalogue();
  const factsOf = (account: Account, model: string): ModelFacts => ({
    ...(account.region === undefined ? {} : { region: account.region }),
    ...known(account.provider.priceBook, model),
    ...settings.models?.[`${account.name}/${model}`],
  });
  const prospectOf = (target: string): Prospect => {
    const account = settings.providers.get(providerOf(target));
    const model = target.slice(target.indexOf('/') + 1);
    const at = clock.now();
    return {
      facts: account ? factsOf(account, model) : {},
      price: account && priceOf(account, model, at),
      load: loadOf(fleet.fleet, target, at),
      predictedMs: predictedMs(fleet.fleet, target, at),
      quantileMs: q => latencyQuantile(fleet.fleet, target, quantiles[q]),
    };
  };
  return (route, planned) => {
    if (isFixed(route)) return fixedPolicy(route);
    const stickyKey = stickyKeyOf(planned);
    const { tenant, key } = planned.caller;
    const shareOf = (variant: Variant): number => fleet.rollouts.shareOf(route.name, variant);
    const chosen = chooseVariant(route.name, route.variants ?? [], { tenant, key, stickyKey }, shareOf, planned.said);
    const taken = (chosen && settings.routes.get(chosen.variant.route)) ?? route;
    const { onUnsupported: _, variants: __, copies: ___, flag: ____, ...plan } = taken;
    const asking = { need: needOf(planned.chat, planned.requestBytes), seed: planned.id, stickyKey };
    const policy = planRoute(plan, asking, prospectOf);
    return { ...policy, name: route.name, ...(chosen ? { variant: { name: taken.name, why: chosen.why } } : {}) };
  };
}

/** Why no target may be asked; undefined when one may. */
export function whyNone({ name, steps, considered = [] }: RoutePolicy): string | undefined {
  if (steps.length > 0) return undefined;
  const reasons = considered.map(({ target, why }) => `${target}: ${why}`).join('; ');
  return `No target of ${name} may be asked this. ${reasons}.`.slice(0, 1_000);
}

function isFixed({ strategy, require, maxPriceNanoUsd, slowAfterMs, variants, steps }: Route): boolean {
  const chooses = strategy ?? require ?? maxPriceNanoUsd ?? slowAfterMs ?? variants;
  return chooses === undefined && steps.every(step => step.hedgeAfter === undefined);
}

function fixedPolicy(route: Route): RoutePolicy {
  const before = fixed.get(route);
  if (before) return before;
  const { onUnsupported: _, copies: __, ...policy } = route;
  const made: RoutePolicy = { ...policy, steps: route.steps.map(({ hedgeAfter: _, weight: __, ...step }) => step) };
  fixed.set(route, made);
  return made;
}

const openingLengthMax = 1_000;

/** A conversation's id, or how it opened: what follows is sent again with it, and lies in the same cache. */
export function stickyKeyOf({ caller, chat }: Pick<Planned, 'caller' | 'chat'>): string {
  if (caller.conversation !== '') return caller.conversation;
  const opening = chat.messages.findIndex(message => message.role === 'user');
  const texts = chat.messages.slice(0, opening + 1).flatMap(({ content }) => content.map(part => (part.type === 'text' ? part.text : '')));
  return `${caller.tenant} ${texts.join('\n').slice(0, openingLengthMax)}`;
}
