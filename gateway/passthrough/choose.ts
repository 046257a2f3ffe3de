/** Who may answer: the targets of the model that the body names, or for files and batches by header, query, or who holds the id. */
import type { Operation } from '../core/exchange.ts';
import type { JsonObject } from '../core/json.ts';
import { forbidden, invalid, isRefusal, type Refusal } from '../exchange/refusal.ts';
import { isAllowed, resolve } from '../http/resolve.ts';
import { type Account, type ConfiguredStep, type Route, routeDefaults, type Settings, stepDefaults } from '../settings/settings.ts';
import type { Endpoint } from './endpoints.ts';
import type { Held } from './ledger.ts';
import { supports } from './support.ts';

export interface Chosen {
  /** With the steps whose providers have the endpoint. */
  readonly route: Route;
  /** Of a call that names none: the account that has it, and no model. */
  readonly account?: Account;
}

/** The targets of the route whose providers have the endpoint, in its order. */
export function chooseByModel(settings: Settings, tenant: string, endpoint: Endpoint, body: JsonObject): Chosen | Refusal {
  if (body.model === undefined && endpoint.modelOptional) return withoutModel(settings, tenant, endpoint);
  const route = resolve(settings, tenant, body);
  if (isRefusal(route)) return route;
  const able = route.steps.filter(({ target }) => {
    const account = settings.providers.get(providerOf(target));
    return account !== undefined && supports(account, endpoint.operation);
  });
  if (able.length > 0) return { route: passing(route, able, endpoint) };
  const told = route.steps.map(({ target }) => `${target} (api: ${settings.providers.get(providerOf(target))?.provider.name})`).join(', ');
  return lacking(endpoint, `No target of ${JSON.stringify(route.name)} has ${endpoint.path}: ${told}.`.slice(0, 400), 'model');
}

function withoutModel(settings: Settings, tenant: string, endpoint: Endpoint): Chosen | Refusal {
  const account = theOne(settings, tenant, endpoint);
  if (isRefusal(account)) return invalid('missing_required_parameter', 'model is missing: name a route or a provider/model.', 'model');
  return { account, route: direct(account, endpoint) };
}

/** `named` is what the caller said, `held` what is known of the id it names. */
export function chooseAccount(
  settings: Settings,
  tenant: string,
  endpoint: Endpoint,
  named: string | undefined,
  held: Held | undefined,
): Chosen | Refusal {
  const account = named === undefined && !held ? theOne(settings, tenant, endpoint) : settings.providers.get(named ?? held!.provider);
  if (!account) {
    return invalid(
      'provider_not_found',
      `There is no provider ${JSON.stringify(named ?? held?.provider).slice(0, 100)} here.`,
      'provider',
      404,
    );
  }
  if (isRefusal(account)) return account;
  if (!mayUse(settings, tenant, account))
    return forbidden('provider_not_allowed', `This key may not use the provider ${account.name}.`, 'provider');
  if (!supports(account, endpoint.operation)) {
    return lacking(endpoint, `The provider ${account.name} (api: ${account.provider.name}) has no ${endpoint.path}.`, 'provider');
  }
  return { account, route: direct(account, endpoint) };
}

function theOne(settings: Settings, tenant: string, endpoint: Endpoint): Account | Refusal {
  const able = [...settings.providers.values()].filter(
    account => supports(account, endpoint.operation) && mayUse(settings, tenant, account),
  );
  if (able.length === 1) return able[0]!;
  if (able.length === 0) return lacking(endpoint, `No provider that this key may use has ${endpoint.path}.`, null);
  const names = able.map(({ name }) => name).join(', ');
  return invalid(
    'provider_required',
    `Several providers have ${endpoint.path}: name one of ${names} in x-hindcast-provider or ?provider=.`,
    'provider',
  );
}

/** A tenant with a list of its own uses the accounts of the targets on it. */
function mayUse(settings: Settings, tenant: string, { name }: Account): boolean {
  const listed = settings.tenants.get(tenant)?.routes;
  if (!listed) return true;
  return listed.some(entry => {
    if (!isAllowed(settings, tenant, entry)) return false;
    const targets = settings.routes.get(entry)?.steps.map(step => step.target) ?? [entry];
    return targets.some(target => providerOf(target) === name);
  });
}

const providerOf = (target: string): string => target.slice(0, Math.max(0, target.indexOf('/')));

const lacking = (endpoint: Endpoint, message: string, param: string | null): Refusal =>
  invalid('unsupported_endpoint', message, param, endpoint.by === 'model' ? 400 : 404);

/** Cheap and quick, so that they are tried again and hedged like chat. What draws and listens costs too much to be asked twice of one target. */
const quick: readonly Operation[] = ['embeddings', 'moderation', 'rerank'];

/** Nothing of these answers can be judged, held back or asked of a variant besides: what only chat has is left out. */
function passing(route: Route, steps: Route['steps'], { operation }: Endpoint): Route {
  const { variants: _, copies: __, onBreak: ___, ...plain } = route;
  return {
    ...plain,
    steps: steps.map(({ target, timeoutMs, retries, backoffMs, hedgeAfter, weight }): ConfiguredStep => {
      const weighed = weight === undefined ? {} : { weight };
      if (!quick.includes(operation)) return { target, ...stepDefaults, retries: 0, timeoutMs: route.deadlineMs, ...weighed };
      return { target, timeoutMs, retries, backoffMs, ...weighed, ...(hedgeAfter === undefined ? {} : { hedgeAfter }) };
    }),
  };
}

function direct(account: Account, endpoint: Endpoint): Route {
  const name = `${account.name}/${endpoint.operation}`;
  return passing({ name, ...routeDefaults, steps: [] }, [{ target: name, ...stepDefaults }], endpoint);
}
