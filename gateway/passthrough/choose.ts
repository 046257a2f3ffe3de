/** The targets of a passed-through request: by the body's model, or for files and batches by header, query, or the id's owner. */

import type { JsonObject } from '../core/chat/json.ts';
import type { Operation } from '../core/exchange.ts';
import { forbidden, invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { isAllowed, knownTargets, resolve } from '../http/resolve.ts';
import {
  type Account,
  type CallerKey,
  type ConfiguredStep,
  type Route,
  routeDefaults,
  type Settings,
  stepDefaults,
} from '../settings/settings.ts';
import type { FileOwner } from './batches/file-registry.ts';
import type { Endpoint } from './endpoints.ts';
import { supports } from './support.ts';

export interface ChosenRoute {
  /** Only the steps whose providers support the endpoint. */
  readonly route: Route;
  /** Set when the request names no model: the provider that is called. */
  readonly account?: Account;
}

/** The route's targets whose providers support the endpoint, in the route's order. An error response when there are none. */
export function chooseByModel(settings: Settings, key: CallerKey, endpoint: Endpoint, body: JsonObject): ChosenRoute | Refusal {
  if (body.model === undefined && endpoint.modelOptional) return chooseWithoutModel(settings, key, endpoint);
  const route = resolve(settings, key.tenant, body, key);
  if (isRefusal(route)) return route;
  const supporting = route.steps.filter(({ target }) => {
    const account = settings.providers.get(providerOf(target));
    return account !== undefined && supports(account, endpoint.operation);
  });
  if (supporting.length > 0) return { route: toPassThroughRoute(route, supporting, endpoint) };
  const targetList = route.steps
    .map(({ target }) => `${target} (api: ${settings.providers.get(providerOf(target))?.provider.name})`)
    .join(', ');
  return unsupportedEndpoint(
    endpoint,
    `No target of ${JSON.stringify(route.name)} supports ${endpoint.path}: ${targetList}.`.slice(0, 400),
    'model',
  );
}

function chooseWithoutModel(settings: Settings, key: CallerKey, endpoint: Endpoint): ChosenRoute | Refusal {
  const account = soleAccount(settings, key, endpoint);
  if (isRefusal(account)) return invalid('missing_required_parameter', 'model is missing: name a route or a provider/model.', 'model');
  return { account, route: directRoute(account, endpoint) };
}

/** The provider that the caller requested, else the owner of the id, else the only provider that supports the endpoint. */
export function chooseAccount(
  settings: Settings,
  key: CallerKey,
  endpoint: Endpoint,
  requested: string | undefined,
  owner: FileOwner | undefined,
): ChosenRoute | Refusal {
  const account =
    requested === undefined && !owner ? soleAccount(settings, key, endpoint) : settings.providers.get(requested ?? owner!.provider);
  if (!account) {
    return invalid(
      'provider_not_found',
      `There is no provider ${JSON.stringify(requested ?? owner?.provider).slice(0, 100)}.`,
      'provider',
      404,
    );
  }
  if (isRefusal(account)) return account;
  if (!mayUse(settings, key, account))
    return forbidden('provider_not_allowed', `This key may not use the provider ${account.name}.`, 'provider');
  if (!supports(account, endpoint.operation)) {
    return unsupportedEndpoint(
      endpoint,
      `The provider ${account.name} (api: ${account.provider.name}) does not support ${endpoint.path}.`,
      'provider',
    );
  }
  return { account, route: directRoute(account, endpoint) };
}

function soleAccount(settings: Settings, key: CallerKey, endpoint: Endpoint): Account | Refusal {
  const supporting = [...settings.providers.values()].filter(
    account => supports(account, endpoint.operation) && mayUse(settings, key, account),
  );
  if (supporting.length === 1) return supporting[0]!;
  if (supporting.length === 0) return unsupportedEndpoint(endpoint, `No provider that this key may use supports ${endpoint.path}.`, null);
  const names = supporting.map(({ name }) => name).join(', ');
  return invalid(
    'provider_required',
    `Several providers support ${endpoint.path}: choose one of ${names} with x-hindcast-provider or ?provider=.`,
    'provider',
  );
}

/** A tenant or key with a list of routes or models may use the providers of the targets on it. */
function mayUse(settings: Settings, key: CallerKey, { name }: Account): boolean {
  const listed = settings.tenants.get(key.tenant)?.routes;
  if (!listed && !key.routes && !key.models) return true;
  const entries = new Set([...settings.routes.keys(), ...knownTargets(settings), ...(listed ?? [])]);
  return [...entries].some(entry => {
    const steps = settings.routes.get(entry)?.steps ?? [{ target: entry, ...stepDefaults }];
    return isAllowed(settings, key, { name: entry, steps }) && steps.some(({ target }) => providerOf(target) === name);
  });
}

const providerOf = (target: string): string => target.slice(0, Math.max(0, target.indexOf('/')));

const unsupportedEndpoint = (endpoint: Endpoint, message: string, param: string | null): Refusal =>
  invalid('unsupported_endpoint', message, param, endpoint.by === 'model' ? 400 : 404);

/** Retried and hedged like chat, because they are cheap and quick. An image or a transcript costs too much to request twice from one target. */
const cheapOperations: readonly Operation[] = ['embeddings', 'moderation', 'rerank'];

/** Leaves out what works for chat alone: variants, shadow traffic, stream recovery, `accept`. */
function toPassThroughRoute(route: Route, steps: Route['steps'], { operation }: Endpoint): Route {
  const { variants: _, copies: __, onBreak: ___, ...plain } = route;
  return {
    ...plain,
    steps: steps.map(({ target, timeoutMs, retries, backoffMs, hedgeAfter, weight }): ConfiguredStep => {
      const weighted = weight === undefined ? {} : { weight };
      if (!cheapOperations.includes(operation)) return { target, ...stepDefaults, retries: 0, timeoutMs: route.deadlineMs, ...weighted };
      return { target, timeoutMs, retries, backoffMs, ...weighted, ...(hedgeAfter === undefined ? {} : { hedgeAfter }) };
    }),
  };
}

function directRoute(account: Account, endpoint: Endpoint): Route {
  const name = `${account.name}/${endpoint.operation}`;
  return toPassThroughRoute({ name, ...routeDefaults, steps: [] }, [{ target: name, ...stepDefaults }], endpoint);
}
