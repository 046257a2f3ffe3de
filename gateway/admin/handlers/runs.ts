/** Replays and frontiers, by the commands that make them. */
import { forbidden, invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { Settings } from '../../settings/settings.ts';
import type { RunRequest } from '../api/runs.ts';
import type { AnswerOf, RouteName } from '../api/table.ts';
import { type CommandFailure, type Commands, CommandsBusy } from '../commands.ts';
import type { AdminDependencies } from '../dependencies.ts';
import type { Call, Handlers } from './contract.ts';
import { notFound } from './exchanges.ts';

const noCommands: Refusal = invalid('no_commands', 'This gateway runs no commands.', null, 409);
const allTenants: Refusal = forbidden('tenant_walled', 'A run holds requests of all tenants: it needs a key of the tenant "*".');

/** A command's arguments; each value stands behind its option's `=`, so that none is taken for an option. */
const option = (name: string, value: string | number | undefined): readonly string[] => (value === undefined ? [] : [`--${name}=${value}`]);

export const runHandlers: Handlers<'planRun' | 'startRun' | 'pauseRun' | 'resumeRun' | 'compareRun' | 'getFrontier' | 'certifyThreshold'> =
  {
    planRun: (call, { commands }) =>
      ofAllTenants(call, commands, async runner => {
        const wrong = unknownTarget(call.body, call.version.settings);
        if (wrong) return wrong;
        const result = await runCommand(runner, ['replay', 'plan', ...selection(call.body)], call.signal);
        return isRefused(result) ? result : { plan: result.json as AnswerOf<'planRun'>['plan'], problem: result.problem };
      }),
    startRun: (call, { commands }) =>
      ofAllTenants(call, commands, async runner => {
        const wrong = unknownTarget(call.body, call.version.settings);
        if (wrong) return wrong;
        const { aa, max_cost_usd } = call.body;
        const extra = [...option('max-cost', max_cost_usd), ...(aa > 0 ? option('aa', `${aa}%`) : [])];
        const started = await runner.startRun(['replay', 'run', ...selection(call.body), ...extra]);
        call.audit({ subject: started.ok ? started.run : '', detail: call.body });
        return started.ok ? { run: started.run, problem: null } : { run: null, problem: started.message };
      }),
    pauseRun: (call, { commands }) =>
      ofAllTenants(call, commands, async runner => {
        call.audit({ subject: call.params.id });
        return { run: call.params.id, paused: runner.pauseRun(call.params.id) };
      }),
    resumeRun: (call, { commands }) =>
      ofAllTenants(call, commands, async runner => {
        if (!isName(call.params.id)) return notFound('run');
        const started = await runner.startRun(['replay', 'resume', call.params.id]);
        call.audit({ subject: call.params.id });
        return started.ok ? { run: started.run, problem: null } : { run: null, problem: started.message };
      }),
    compareRun: (call, { commands }) =>
      ofAllTenants(call, commands, async runner => {
        call.audit({ subject: call.params.id });
        if (!isName(call.params.id)) return notFound('run');
        const result = await runCommand(runner, ['replay', 'diff', call.params.id, '--limit=1000'], call.signal);
        return isRefused(result) ? result : { comparison: result.json as AnswerOf<'compareRun'>['comparison'], problem: result.problem };
      }),
    getFrontier: async (call, { commands }) => {
      const { signal, run, since } = call.query;
      const args = [
        'eval',
        'sweep',
        ...option('chain', call.params.route),
        ...option('signal', signal),
        ...option('run', run),
        ...option('since', since),
      ];
      const result = await ofRoute(call, commands, args);
      return isRefused(result) ? result : { frontier: result.json as AnswerOf<'getFrontier'>['frontier'], problem: result.problem };
    },
    certifyThreshold: async (call, { commands }) => {
      const { max_loss_pp, loss, confidence, run, since } = call.body;
      const bound = [...option('max-loss', `${max_loss_pp}pp`), ...option('loss', loss), ...option('confidence', confidence)];
      const args = ['eval', 'certify', ...option('chain', call.params.route), ...bound, ...option('run', run), ...option('since', since)];
      call.audit({ subject: call.params.route, detail: call.body });
      const result = await ofRoute(call, commands, args);
      return isRefused(result)
        ? result
        : { certificate: result.json as AnswerOf<'certifyThreshold'>['certificate'], problem: result.problem };
    },
  };

interface CommandOutput {
  /** Null when there was nothing to look at. */
  readonly json: unknown;
  readonly problem: string | null;
}

const isRefused = (result: CommandOutput | Refusal): result is Refusal => 'refusal' in result;

/** Runs of this folder have ids of digits, letters and hyphens; an option has a hyphen first. */
const isName = (id: string): boolean => /^[0-9a-z][0-9a-z-]*$/i.test(id);

async function ofAllTenants<Name extends RouteName, Answer>(
  { caller }: Pick<Call<Name>, 'caller'>,
  commands: Commands | undefined,
  handle: (commands: Commands) => Promise<Answer | Refusal>,
): Promise<Answer | Refusal> {
  if (caller.tenant !== '*') return allTenants;
  return commands ? handle(commands) : noCommands;
}

async function ofRoute(
  { params, version, signal }: Pick<Call<'getFrontier'>, 'params' | 'version' | 'signal'>,
  commands: AdminDependencies['commands'],
  args: readonly string[],
): Promise<CommandOutput | Refusal> {
  if (!version.settings.routes.has(params.route)) return notFound('route');
  return commands ? runCommand(commands, args, signal) : noCommands;
}

async function runCommand(commands: Commands, args: readonly string[], signal: AbortSignal): Promise<CommandOutput | Refusal> {
  try {
    const result = await commands.run(args, signal);
    return result.ok ? { json: result.json, problem: null } : { json: null, problem: problemOf(result) };
  } catch (error) {
    if (error instanceof CommandsBusy) return invalid('busy', error.message, null, 429);
    throw error;
  }
}

const problemOf = ({ message }: CommandFailure): string => message;

const selection = ({ since, until, route, model, tenant, tag, limit, against }: RunRequest): readonly string[] => [
  ...[...option('since', since), ...option('until', until), ...option('route', route), ...option('model', model)],
  ...[...option('tenant', tenant), ...option('tag', tag), ...option('limit', limit)],
  ...against.flatMap(target => option('against', target)),
];

/** An arm here is a route or a target of the configuration, never a file or an address. */
function unknownTarget({ against }: RunRequest, { routes, providers }: Pick<Settings, 'routes' | 'providers'>): Refusal | undefined {
  const unknown = against.find(target => !routes.has(target) && !providers.has(target.split('/', 1)[0]!));
  return unknown === undefined
    ? undefined
    : invalid('invalid_value', `against: there is no route and no provider of ${unknown}.`, 'against');
}
