import type { ExchangeSink } from '../core/exchange.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import type { Clock, Milliseconds } from '../core/shared/time.ts';
import { chooseKey } from '../core/targets/key-cooldowns.ts';
import { noQueuedDemand, readyAt } from '../core/targets/rate-limits.ts';
import type { AccountEndpoint } from '../observability/spans.ts';
import { createPriceBook } from '../prices/price-book.ts';
import { readPriceFile } from '../prices/price-file.ts';
import { newSpanId } from '../settings/ids.ts';
import { type Account, routingDefaults, type Settings } from '../settings/settings.ts';
import { createPlanner } from '../targets/planner.ts';
import { TargetRegistry } from '../targets/registry.ts';
import { createTokenCounter } from '../tokens/counter.ts';
import type { Upstream } from '../transport/upstream.ts';
import type { GatewayRuntime, Target } from './contract.ts';

export { TargetRegistry as FleetState };

/** What outlives a change of the configuration. */
export interface RuntimeDependencies {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly sink: ExchangeSink;
  readonly fleet: TargetRegistry;
  readonly streamIdleMs?: Milliseconds;
}

/** Callers name models, so their number is bounded. */
const targetsMax = 1_000;

/** One for the process: an encoding takes tens of megabytes. */
const counter = createTokenCounter();

/** What executions share under these settings: clock, transport, sink, targets, prices and token counts. */
export function createRuntime(settings: Settings, { clock, upstream, sink, fleet, streamIdleMs }: RuntimeDependencies): GatewayRuntime {
  const accounts = settings.providers;
  fleet.configure(accounts, settings.routing ?? routingDefaults, clock);
  fleet.rollouts.configure(settings.routes, clock.now());
  fleet.breaches.configure(settings.certificates ?? new Map());
  // The same object for the same target and key, so that what is made of it is made once.
  const targets = new Map<string, Target>();
  const endpoints = new Map([...accounts.values()].map(account => [account.name, endpointOf(account)]));
  const book = createPriceBook(settings.prices, readPriceFile(settings.store.path));
  // An account is often named after its vendor though it speaks another's wire format.
  const priceOf: GatewayRuntime['priceOf'] = (provider, providerName, model, at) =>
    book(providerName, model, at) ?? book(provider.priceBook, model, at);
  return {
    clock,
    upstream,
    sink,
    newSpanId,
    counter,
    ...(streamIdleMs === undefined ? {} : { streamIdleMs }),
    targetOf: (target, seed, tokens = 0, avoided = noKeys) => targetOf(accounts, targets, { target, seed, tokens, avoided }, fleet, clock),
    hasOtherKey: (target, tokens, avoided) => hasOtherKey(accounts, { target, tokens, avoided }, fleet, clock.now()),
    coolingDown: at => fleet.cooldowns(at),
    viewTargets: (targets, wants, at) => fleet.view(targets, wants, at),
    enqueue: (target, wants, admitted) => fleet.enqueue(target, wants, admitted),
    observe: seen => fleet.observe(seen),
    priceOf,
    policyOf: createPlanner({
      settings,
      registry: fleet,
      clock,
      priceOf: (account, model, at) => priceOf(account.provider, account.name, model, at),
    }),
    endpointOf: providerName => endpoints.get(providerName),
  };
}

const noKeys: ReadonlySet<string> = new Set();

interface KeyChoice {
  readonly target: string;
  readonly tokens: number;
  /** Fingerprints. */
  readonly avoided: ReadonlySet<string>;
}

function hasOtherKey(
  accounts: Settings['providers'],
  { target, tokens, avoided }: KeyChoice,
  { keyCooldowns, limits }: TargetRegistry,
  at: number,
): boolean {
  const account = accounts.get(target.slice(0, target.indexOf('/')));
  if (!account || account.keys.length < 2) return false;
  const cooldownEnd = (fingerprint: string): number => keyCooldowns.get(`${account.name} ${fingerprint}`) ?? 0;
  return account.keys.some(
    ({ fingerprint }) =>
      !avoided.has(fingerprint) && cooldownEnd(fingerprint) <= at && readyAt(limits, target, fingerprint, tokens, noQueuedDemand, at) <= at,
  );
}

function endpointOf({ provider, baseUrl }: Account): AccountEndpoint {
  const url = URL.parse(baseUrl);
  const port = Number(url?.port) || (url?.protocol === 'http:' ? 80 : 443);
  return { api: provider.name, address: url?.hostname, port: url ? port : undefined };
}

function targetOf(
  accounts: Settings['providers'],
  targets: Map<string, Target>,
  { target, seed, tokens, avoided }: KeyChoice & { readonly seed: string },
  { keyCooldowns, limits }: TargetRegistry,
  clock: Clock,
): Target {
  const slash = target.indexOf('/');
  const account: Account | undefined = accounts.get(target.slice(0, slash));
  if (!account) throw new Error(`no account for the target ${target}`);
  const at = clock.now();
  const left = avoided.size === 0 ? account.keys : account.keys.filter(({ fingerprint }) => !avoided.has(fingerprint));
  const choice = left.length === account.keys.length || left.length === 0 ? account : { ...account, keys: left };
  const key = chooseKey(choice, keyCooldowns, seed, at, key => readyAt(limits, target, key.fingerprint, tokens, noQueuedDemand, at));
  const name = account.keys.length > 1 ? `${target} ${key?.fingerprint}` : target;
  const known = targets.get(name);
  if (known && known.key === key) return known;
  const created: Target = {
    providerName: account.name,
    provider: account.provider,
    model: target.slice(slash + 1),
    baseUrl: account.baseUrl,
    ...(account.query === undefined ? {} : { query: account.query }),
    ...(account.region === undefined ? {} : { region: account.region }),
    key,
    allowPrivate: account.allowPrivate,
    trace: account.trace,
  };
  putLruEntry(targets, name, created, targetsMax);
  return created;
}
