/** Who answers in the original's place: a target or a route, another configuration, or a URL. */
import { createHash } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import { loadConfig, printProblems } from '../../gateway/config/index.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import type { GatewayRuntime, RoutedRequest } from '../../gateway/exchange/contract.ts';
import { isRefusal, type Refusal } from '../../gateway/exchange/response/refusal.ts';
import { createRuntime, FleetState, type RuntimeDependencies } from '../../gateway/exchange/runtime.ts';
import { resolve } from '../../gateway/http/resolve.ts';
import { providers } from '../../gateway/providers/index.ts';
import { Secret } from '../../gateway/settings/secret.ts';
import { type Account, type Route, routeDefaults, type Settings, stepDefaults } from '../../gateway/settings/settings.ts';
import { describeNoTarget, type PlanInput } from '../../gateway/targets/planner.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { gotTransport } from './got-transport.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Arm {
  /** As `--against` named it. */
  readonly name: string;
  readonly configHash: string;
  readonly runtime: GatewayRuntime;
  /** Where this arm sends a request, or why nowhere. `body` is the caller's own. */
  routeOf(body: JsonObject, planned: PlanInput, recorded: RecordedRequest): Pick<RoutedRequest, 'policy' | 'onUnsupported'> | string;
  /** Whether this arm is asked this request; absent means all. */
  includes?(recorded: RecordedRequest): boolean;
}

/** What every arm of a run shares but the state of its fleet: the breakers of one must not close the targets of another. */
export type SharedRuntime = Omit<RuntimeDependencies, 'fleet'>;

/** Throws a CommandError that says what `against` should have been. */
export function armOf(against: string, settings: Settings, shared: SharedRuntime, environment: Environment): Arm {
  if (against.startsWith('config:')) return configArm(against, shared, environment);
  if (/^https?:\/\//i.test(against)) return urlArm(against, settings, shared, environment);
  return targetArm(against, settings, shared);
}

/** A replay is the operator's own: no tenant's list of routes stands in its way. */
const operatorTenant = '';

function targetArm(name: string, settings: Settings, shared: SharedRuntime): Arm {
  const route = resolve(settings, operatorTenant, { model: name });
  if (isRefusal(route)) throw new CommandError(exit.usage, `--against ${name}: ${refusalMessage(route)}`);
  const runtime = runtimeOf(settings, shared);
  return { name, configHash: settings.hash, runtime, routeOf: (_, planned) => routedTo(route, runtime, planned) };
}

function configArm(name: string, shared: SharedRuntime, environment: Environment): Arm {
  const file = resolvePath(name.slice('config:'.length));
  const loaded = loadConfig({ file, directory: process.cwd(), environment });
  if (!loaded.ok) throw new CommandError(exit.usage, printProblems(loaded.problems));
  const { settings } = loaded;
  const runtime = runtimeOf(settings, shared);
  return {
    name,
    configHash: settings.hash,
    runtime,
    routeOf: (body, planned) => {
      const route = resolve(settings, operatorTenant, body);
      return isRefusal(route) ? refusalMessage(route) : routedTo(route, runtime, planned);
    },
  };
}

/** What answers now: each request goes where the running configuration sends it. */
export function deployedArm(settings: Settings, shared: SharedRuntime): Arm {
  const runtime = runtimeOf(settings, shared);
  return {
    name: 'deployed',
    configHash: settings.hash,
    runtime,
    routeOf: (body, planned) => {
      const route = resolve(settings, operatorTenant, body);
      return isRefusal(route) ? refusalMessage(route) : routedTo(route, runtime, planned);
    },
  };
}

/** Any OpenAI-compatible endpoint, asked for the model that the caller named. Its key, where it wants one, stands in HINDCAST_URL_KEY. */
function urlArm(name: string, settings: Settings, shared: SharedRuntime, environment: Environment): Arm {
  const url = new URL(name);
  const key = environment.HINDCAST_URL_KEY;
  const account: Account = {
    name: url.host,
    provider: providers.openai!,
    baseUrl: url.href.replace(/\/$/, ''),
    keys: key ? [new Secret(key)] : [],
    allowPrivate: true,
    trace: false,
  };
  const runtime = runtimeOf({ ...settings, providers: new Map([[account.name, account]]) }, { ...shared, upstream: gotTransport() });
  return {
    name,
    configHash: settings.hash,
    runtime,
    routeOf: (_, planned) =>
      routedTo({ name, ...routeDefaults, steps: [{ target: `${account.name}/${planned.chat.model}`, ...stepDefaults }] }, runtime, planned),
  };
}

/** What the noise floor is called among the arms. */
export const noiseArm = 'a/a';

/**
 * Asks what was asked of old once more, in the same way: the route that the caller named, with its fallbacks and thresholds, or whoever
 * answered where the configuration knows no such name. What differs then is noise. Of a share of the requests, the same in every run of
 * this seed.
 */
export function noiseFloorArm(share: number, seed: string, settings: Settings, shared: SharedRuntime): Arm {
  const runtime = runtimeOf(settings, shared);
  return {
    name: noiseArm,
    configHash: settings.hash,
    runtime,
    includes: ({ id }) => createHash('sha256').update(`${seed} ${noiseArm} ${id}`).digest().readUInt32BE() < share * 2 ** 32,
    routeOf: (body, planned, { answer: { target } }) => {
      const named = resolve(settings, operatorTenant, body);
      const route = isRefusal(named) ? resolve(settings, operatorTenant, { model: target }) : named;
      return isRefusal(route) ? refusalMessage(route) : routedTo(route, runtime, planned);
    },
  };
}

const runtimeOf = (settings: Settings, shared: SharedRuntime): GatewayRuntime =>
  createRuntime(settings, { ...shared, fleet: new FleetState() });

function routedTo(route: Route, runtime: GatewayRuntime, planned: PlanInput): Pick<RoutedRequest, 'policy' | 'onUnsupported'> | string {
  const policy = runtime.policyOf(route, planned);
  return describeNoTarget(policy) ?? { policy, onUnsupported: route.onUnsupported };
}

const refusalMessage = ({ refusal }: Refusal): string => refusal.message;
