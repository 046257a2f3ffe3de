/** The world that asks are driven in: the configured accounts and their keys, the state of the fleet, prices, and hedging times. */
import type { AskWorld, Target } from './ask.ts';
import type { Sink } from './core/exchange.ts';
import { closedAt, type Fleet, latencyQuantile, type Observation, observe } from './core/fleet.ts';
import { chooseKey, closedByKeys, type Keyring, observeKey } from './core/keyring.ts';
import type { RoutePolicy, RouteStep } from './core/route.ts';
import type { Clock } from './core/time.ts';
import { newSpanId } from './ids.ts';
import { priceBook } from './prices.ts';
import type { Account, ConfiguredStep, Route, Settings } from './settings.ts';
import type { AccountPlace } from './trace.ts';
import type { Upstream } from './upstream.ts';

/** What outlives a change of the configuration. */
export interface Lasting {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly sink: Sink;
  readonly fleet: FleetState;
}

/** What is known of targets and keys; replaced as a whole by each observation. */
export class FleetState {
  fleet: Fleet = new Map();
  ring: Keyring = new Map();

  observe(seen: Observation): void {
    this.fleet = observe(this.fleet, seen);
    this.ring = observeKey(this.ring, seen);
  }
}

export interface World extends AskWorld {
  /** The route as it stands now: percentiles of the target's latency become milliseconds, or no hedge before there is enough to tell. */
  policyOf(route: Route): RoutePolicy;
  /** Where an account's calls go; undefined for none of ours. */
  placeOf(providerName: string): AccountPlace | undefined;
}

export function createWorld(settings: Settings, { clock, upstream, sink, fleet }: Lasting): World {
  const accounts = [...settings.providers.values()];
  const places = new Map(accounts.map(account => [account.name, placeOf(account)]));
  const book = priceBook(settings.prices);
  return {
    clock,
    upstream,
    sink,
    newSpanId,
    targetOf: (target, seed) => targetOf(settings.providers, target, seed, fleet.ring, clock),
    closed: at => ({ ...closedAt(fleet.fleet, at), ...closedByKeys(accounts, fleet.ring, at) }),
    observe: seen => fleet.observe(seen),
    // An account is often named after its vendor though it speaks another's wire format.
    priceOf: (provider, providerName, model, at) => book(providerName, model, at) ?? book(provider.priceBook, model, at),
    policyOf: route => policyOf(route, fleet.fleet),
    placeOf: providerName => places.get(providerName),
  };
}

function placeOf({ provider, baseUrl }: Account): AccountPlace {
  const url = URL.parse(baseUrl);
  const port = Number(url?.port) || (url?.protocol === 'http:' ? 80 : 443);
  return { api: provider.name, address: url?.hostname, port: url ? port : undefined };
}

function targetOf(accounts: Settings['providers'], target: string, seed: string, ring: Keyring, clock: Clock): Target {
  const slash = target.indexOf('/');
  const account: Account | undefined = accounts.get(target.slice(0, slash));
  if (!account) throw new Error(`no account for the target ${target}`);
  return {
    providerName: account.name,
    provider: account.provider,
    model: target.slice(slash + 1),
    baseUrl: account.baseUrl,
    key: chooseKey(account, ring, seed, clock.now()),
    allowPrivate: account.allowPrivate,
    trace: account.trace,
  };
}

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

/** A route without percentiles is the same policy for every request. */
const fixed = new WeakMap<Route, RoutePolicy>();

function policyOf(route: Route, fleet: Fleet): RoutePolicy {
  const known = fixed.get(route);
  if (known) return known;
  const { onUnsupported: _, ...policy } = route;
  const resolved: RoutePolicy = { ...policy, steps: route.steps.map(step => stepOf(step, fleet)) };
  if (!route.steps.some(step => typeof step.hedgeAfter === 'string')) fixed.set(route, resolved);
  return resolved;
}

function stepOf({ hedgeAfter, ...step }: ConfiguredStep, fleet: Fleet): RouteStep {
  const hedgeAfterMs = typeof hedgeAfter === 'string' ? latencyQuantile(fleet, step.target, quantiles[hedgeAfter]) : hedgeAfter;
  return hedgeAfterMs === undefined ? step : { ...step, hedgeAfterMs };
}
