/** The arms of a replay: a target or route, another configuration, or a URL, which gets the recorded requests. */
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
  /** The value of `--against`. */
  readonly name: string;
  readonly configHash: string;
  readonly runtime: GatewayRuntime;
  /** The policy for a request, or a text with the reason why there is none. `body` is the caller's. */
  routeOf(body: JsonObject, planInput: PlanInput, recorded: RecordedRequest): Pick<RoutedRequest, 'policy' | 'onUnsupported'> | string;
  /** Whether the request is sent to this arm; absent means all requests are. */
  includes?(recorded: RecordedRequest): boolean;
}

/** What all arms of a run share. The state of targets is per arm: an open circuit of one arm must not affect another. */
export type SharedRuntime = Omit<RuntimeDependencies, 'fleet'>;

/** The arm for a value of `--against`. Throws a CommandError for an unknown route or target and an invalid config. */
export function armOf(against: string, settings: Settings, shared: SharedRuntime, environment: Environment): Arm {
  if (against.startsWith('config:')) return configArm(against, shared, environment);
  if (/^https?:\/\//i.test(against)) return urlArm(against, settings, shared, environment);
  return targetArm(against, settings, shared);
}

/** Replays are the operator's: the route lists of tenants do not apply. */
const operatorTenant = '';

function targetArm(name: string, settings: Settings, shared: SharedRuntime): Arm {
  const route = resolve(settings, operatorTenant, { model: name });
  if (isRefusal(route)) throw new CommandError(exit.usage, `--against ${name}: ${refusalMessage(route)}`);
  const runtime = runtimeOf(settings, shared);
  return { name, configHash: settings.hash, runtime, routeOf: (_, planInput) => planTo(route, runtime, planInput) };
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
    routeOf: (body, planInput) => {
      const route = resolve(settings, operatorTenant, body);
      return isRefusal(route) ? refusalMessage(route) : planTo(route, runtime, planInput);
    },
  };
}

/** The running configuration: each request takes the route it names there. */
export function deployedArm(settings: Settings, shared: SharedRuntime): Arm {
  const runtime = runtimeOf(settings, shared);
  return {
    name: 'deployed',
    configHash: settings.hash,
    runtime,
    routeOf: (body, planInput) => {
      const route = resolve(settings, operatorTenant, body);
      return isRefusal(route) ? refusalMessage(route) : planTo(route, runtime, planInput);
    },
  };
}

/** An OpenAI-compatible endpoint, called with the caller's model. HINDCAST_URL_KEY holds its key. */
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
    routeOf: (_, planInput) =>
      planTo(
        { name, ...routeDefaults, steps: [{ target: `${account.name}/${planInput.chat.model}`, ...stepDefaults }] },
        runtime,
        planInput,
      ),
  };
}

/** The arm's name for the noise floor. */
export const noiseArm = 'a/a';

/**
 * The noise floor (A/A): re-sends a share of the requests on the caller's route, with its fallbacks and thresholds. Where the configuration
 * has no such route, the recorded target gets them. Differences are run-to-run noise. A seed selects the same requests in every run.
 */
export function noiseFloorArm(share: number, seed: string, settings: Settings, shared: SharedRuntime): Arm {
  const runtime = runtimeOf(settings, shared);
  return {
    name: noiseArm,
    configHash: settings.hash,
    runtime,
    includes: ({ id }) => createHash('sha256').update(`${seed} ${noiseArm} ${id}`).digest().readUInt32BE() < share * 2 ** 32,
    routeOf: (body, planInput, { answer: { target } }) => {
      const requested = resolve(settings, operatorTenant, body);
      const route = isRefusal(requested) ? resolve(settings, operatorTenant, { model: target }) : requested;
      return isRefusal(route) ? refusalMessage(route) : planTo(route, runtime, planInput);
    },
  };
}

const runtimeOf = (settings: Settings, shared: SharedRuntime): GatewayRuntime =>
  createRuntime(settings, { ...shared, fleet: new FleetState() });

function planTo(route: Route, runtime: GatewayRuntime, planInput: PlanInput): Pick<RoutedRequest, 'policy' | 'onUnsupported'> | string {
  const policy = runtime.policyOf(route, planInput);
  return describeNoTarget(policy) ?? { policy, onUnsupported: route.onUnsupported };
}

const refusalMessage = ({ refusal }: Refusal): string => refusal.message;
