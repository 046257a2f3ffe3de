/** What a request may be answered by: its `model`, `models` and `fallbacks` become a route, or a refusal. Pure over Settings. */
import { isObject, type Json, type JsonObject } from '../core/chat/json.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import { forbidden, invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { fitsAny } from '../keys/stored-key.ts';
import {
  type Account,
  type CallerKey,
  type ConfiguredStep,
  type Route,
  routeDefaults,
  type Settings,
  stepDefaults,
} from '../settings/settings.ts';

/** Upper limit of targets in one request. */
const stepsMax = 16;
const nameLengthMax = 256;

/** `tenant` is the caller's, and so are the lists of its key. The members are those of the request's body, unread. */
export function resolve(
  settings: Settings,
  tenant: string,
  body: JsonObject,
  lists: Pick<CallerKey, 'routes' | 'models'> = {},
): Route | Refusal {
  const names = namesOf(body);
  if (isRefusal(names)) return names;
  const routes: Route[] = [];
  for (const { name, param } of names) {
    const route = settings.routes.get(name) ?? cachedDirectRoute(settings, name, param);
    if (isRefusal(route)) return route;
    if (!isAllowed(settings, { ...lists, tenant }, route)) {
      return forbidden('model_not_allowed', `This key may not use the model ${JSON.stringify(name)}.`, param);
    }
    routes.push(route);
  }
  if (routes.length === 1) return routes[0]!;
  return mergeRoutes(routes);
}

/** A tenant without a list may call every route and target. A key's own lists narrow that: every target of the route must fit its `models`. */
export function isAllowed(
  { tenants }: Pick<Settings, 'tenants'>,
  { tenant, routes, models }: Pick<CallerKey, 'tenant' | 'routes' | 'models'>,
  { name, steps }: Pick<Route, 'name' | 'steps'>,
): boolean {
  if (!(tenants.get(tenant)?.routes?.includes(name) ?? true)) return false;
  if (routes && !fitsAny(routes, name)) return false;
  return !models || steps.every(({ target }) => fitsAny(models, target) || fitsAny(models, target.slice(target.indexOf('/') + 1)));
}

/** The targets that routes name, in order of appearance; listed beside the routes. */
export function knownTargets({ routes }: Pick<Settings, 'routes'>): readonly string[] {
  return [...new Set([...routes.values()].flatMap(route => route.steps.map(step => step.target)))];
}

interface RequestedName {
  readonly name: string;
  readonly param: string;
}

/** One name, as nearly all requests have it. */
const plainName = /^[\w./:@-]{1,200}$/;

/** The names in the order they shall be tried. Each may itself be a comma list. */
function namesOf(body: JsonObject): readonly RequestedName[] | Refusal {
  const { model, models, fallbacks } = body;
  const isOne = (models ?? fallbacks ?? undefined) === undefined && typeof model === 'string' && plainName.test(model);
  if (isOne) return [{ name: model, param: 'model' }];
  const names: RequestedName[] = [];
  for (const param of ['model', 'models', 'fallbacks']) {
    const texts = namesIn(body[param], param);
    if (isRefusal(texts)) return texts;
    for (const text of texts) {
      const problem = checkName(text, param);
      if (problem) return problem;
      const list = text.split(',').map(name => name.trim());
      if (list.includes('')) return invalid('invalid_value', `${param} has an empty name between its commas.`, param);
      for (const name of list) if (!names.some(known => known.name === name)) names.push({ name, param });
    }
  }
  if (names.length === 0) return invalid('missing_required_parameter', 'model is missing: name a route or a provider/model.', 'model');
  if (names.length > stepsMax) return invalid('invalid_value', `A request may name at most ${stepsMax} models.`, names.at(-1)!.param);
  return names;
}

/** `model` is a string, the others are lists; a fallback may be an object that names its model, as LiteLLM's clients write it. */
function namesIn(value: Json | undefined, param: string): readonly string[] | Refusal {
  if (value === undefined || value === null) return [];
  if (param === 'model') return typeof value === 'string' ? [value] : invalid('invalid_type', 'model must be a string.', param);
  if (!Array.isArray(value)) return invalid('invalid_type', `${param} must be a list of model names.`, param);
  const names = (value as readonly Json[]).map(item => (isObject(item) ? item.model : item));
  const isText = (name: Json | undefined): name is string => typeof name === 'string';
  return names.every(isText) ? names : invalid('invalid_type', `${param} must be a list of model names.`, param);
}

function checkName(name: string, param: string): Refusal | undefined {
  if (name.trim() === '') return invalid('invalid_value', `${param} is empty.`, param);
  if (name.length > nameLengthMax) return invalid('invalid_value', `${param} is longer than ${nameLengthMax} characters.`, param);
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name)) {
    return invalid('invalid_value', `${param} contains control characters.`, param);
  }
  return undefined;
}

/** Routes of one target that callers have named by itself; the same object for the same name, so that what is made of a route is made once. */
const directRoutes = new WeakMap<Settings, Map<string, Route>>();
const directRoutesMax = 1_000;

function cachedDirectRoute(settings: Settings, name: string, param: string): Route | Refusal {
  const known = directRoutes.get(settings)?.get(name);
  if (known) return known;
  const route = directRoute(settings, name, param);
  if (isRefusal(route)) return route;
  const routes = directRoutes.get(settings) ?? new Map<string, Route>();
  putLruEntry(routes, name, route, directRoutesMax);
  directRoutes.set(settings, routes);
  return route;
}

/** A name that is no route: `provider/model`, or a bare model name that only one provider can mean. */
function directRoute(settings: Settings, name: string, param: string): Route | Refusal {
  const slash = name.indexOf('/');
  if (slash > 0 && slash < name.length - 1 && settings.providers.has(name.slice(0, slash))) return singleTargetRoute(name);
  const candidates = candidatesFor(settings, name);
  if (candidates.length === 1) return singleTargetRoute(candidates[0]!);
  const shownName = JSON.stringify(name).slice(0, 100);
  if (candidates.length > 1) {
    return invalid(
      'model_not_found',
      `The model ${shownName} is ambiguous: name one of ${candidates.join(', ')}.`.slice(0, 400),
      param,
      404,
    );
  }
  return invalid(
    'model_not_found',
    `The model ${shownName} does not exist here: name a route or a provider/model. GET /v1/models lists them.`,
    param,
    404,
  );
}

/** A target that a route names, by its model alone; else the accounts whose provider makes models of such names. */
function candidatesFor(settings: Settings, model: string): readonly string[] {
  const routed = knownTargets(settings).filter(target => target.slice(target.indexOf('/') + 1) === model);
  if (routed.length > 0) return routed;
  const accounts = [...settings.providers.values()].filter(({ provider }) =>
    provider.modelPrefixes?.some(prefix => model.startsWith(prefix)),
  );
  const vendors = accounts.filter(isVendorAccount);
  return (vendors.length > 0 ? vendors : accounts).map(account => `${account.name}/${model}`);
}

/** The vendor itself rather than another account of its wire format. */
const isVendorAccount = ({ provider, baseUrl }: Account): boolean => baseUrl === provider.baseUrl;

const singleTargetRoute = (target: string): Route => ({ name: target, ...routeDefaults, steps: [{ target, ...stepDefaults }] });

/** Several names make one chain, tried in order. It may take as long as the slowest of them, and is as strict as the strictest. */
function mergeRoutes(routes: readonly Route[]): Route | Refusal {
  const steps: readonly ConfiguredStep[] = routes.flatMap(route => route.steps);
  if (steps.length > stepsMax) return invalid('invalid_value', `A request may be given at most ${stepsMax} targets.`, 'models');
  const strictness = routes.map(route => route.onUnsupported);
  return {
    name: routes.map(route => route.name).join(','),
    deadlineMs: Math.max(...routes.map(route => route.deadlineMs)),
    onUnsupported: strictness.find(value => value === 'reject') ?? strictness.find(word => word === 'drop') ?? 'warn',
    steps,
  };
}
