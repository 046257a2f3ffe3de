/** `hindcast config explain`: the request that each target would be sent, and what would be lost, without sending it. */
import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { type Explanation, explainRequest } from '../admin/explain-request.ts';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { seal } from '../core/exchange.ts';
import { callerFormats as known } from '../dialects/index.ts';
import type { GatewayRuntime } from '../exchange/contract.ts';
import { isRefusal } from '../exchange/response/refusal.ts';
import { createRuntime, FleetState } from '../exchange/runtime.ts';
import { edgeLimits } from '../http/edge.ts';
import { wallClock } from '../settings/clock.ts';
import type { Settings } from '../settings/settings.ts';
import { action, CommandError, exit, loadSettings, printResult } from './command.ts';

interface Options {
  readonly request: string;
  readonly model?: string;
  readonly dialect: string;
  readonly tenant?: string;
  readonly config?: string;
  readonly json?: boolean;
}

const dialects: ReadonlyMap<string, CallerFormat> = new Map(known.map(dialect => [dialect.name, dialect]));

/** Adds `hindcast config explain`. */
export function registerExplain(config: Command): void {
  config
    .command('explain')
    .description('print what each target of a request would be sent and what would be lost, without sending it')
    .requiredOption('--request <file>', "the request's body, JSON; - reads it from standard input")
    .option('--model <name>', 'a route, a target or a comma list of them, instead of the model in the body')
    .option('--dialect <name>', `the caller's wire format: ${[...dialects.keys()].join(', ')}`, 'openai-chat')
    .option('--tenant <name>', 'the tenant of the request (default: no tenant, which may use everything)')
    .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  hindcast config explain --request body.json
  hindcast config explain --request body.json --model openai/gpt-5,anthropic/claude-opus-5
  hindcast config explain --request - --json < body.json | jq '.candidates[].fields'`,
    )
    .action(action(run));
}

async function run(options: Options): Promise<number> {
  const dialect = dialects.get(options.dialect);
  if (!dialect) throw new CommandError(exit.usage, `--dialect ${options.dialect}: known are ${[...dialects.keys()].join(', ')}.`);
  const text = readRequest(options.request);
  const settings = loadSettings(options);
  if (options.tenant !== undefined && !settings.tenants.has(options.tenant)) {
    throw new CommandError(exit.usage, `--tenant ${options.tenant}: the configuration has no such tenant.`);
  }
  const explained = explainRequest(settings, offlineRuntime(settings), {
    text,
    model: options.model,
    dialect,
    tenant: options.tenant ?? '',
  });
  if (isRefusal(explained)) {
    const { message, code, param } = explained.refusal;
    throw new CommandError(exit.usage, `The gateway would reject this request: ${message} (${code}${param === null ? '' : `, ${param}`})`);
  }
  printResult(options, explained, () => formatExplanation(explained));
  return exit.pass;
}

function readRequest(file: string): string {
  try {
    if (file !== '-' && statSync(file).size > edgeLimits.bodyBytesMax) throw new Error(`larger than ${edgeLimits.bodyBytesMax} bytes`);
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/^\ufeff/, '');
  } catch (problem) {
    throw new CommandError(exit.usage, `--request ${file}: ${problem instanceof Error ? problem.message : problem}`);
  }
}

/** A runtime as before the first request, which cannot send anything. */
function offlineRuntime(settings: Settings): GatewayRuntime {
  const failOnCall = (): never => {
    throw new Error('config explain sends no requests');
  };
  return createRuntime(settings, {
    clock: wallClock,
    upstream: { send: failOnCall, close: async () => {} },
    sink: { record: async () => seal(), refusal: () => undefined, dropped: 0, close: async () => {} },
    fleet: new FleetState(),
  });
}

function formatExplanation({
  route,
  on_unsupported: onUnsupported,
  requested_model: model,
  variant,
  flag,
  candidates,
  refused,
}: Explanation): string {
  const count = candidates.length === 1 ? '1 candidate' : `${candidates.length} candidates`;
  const head = `${model}: route ${route}, ${count}, on_unsupported: ${onUnsupported}`;
  const flagNotes = flag === undefined ? [] : [`the flag ${flag} may choose another variant: only a running gateway evaluates it`];
  const routingNotes = [...(variant ? [`variant ${variant.name}: ${variant.why}`] : []), ...flagNotes];
  const excluded = refused.length > 0 ? [refused.map(({ target, why }) => `not tried: ${target} (${why})`).join('\n')] : [];
  return [head, ...routingNotes, ...candidates.map(formatCandidate), ...excluded].join('\n\n');
}

function formatCandidate(candidate: Explanation['candidates'][number]): string {
  const { reasons, target, fields } = candidate;
  const exact = fields.filter(({ fidelity }) => fidelity === 'exact').map(({ field }) => field);
  const others = fields.filter(({ fidelity }) => fidelity !== 'exact');
  return [
    `${reasons.place}. ${target} (${reasons.why})`,
    ...(reasons.chosen === undefined ? [] : [`   chosen as ${reasons.chosen}`]),
    ...(reasons.cost_usd === undefined ? [] : [`   estimated cost $${reasons.cost_usd.toPrecision(3)}`]),
    ...(candidate.refused_for.length > 0
      ? [`   rejected: on_unsupported is reject, and the target does not support ${candidate.refused_for.join(', ')}`]
      : []),
    ...(candidate.passes ? ["   the caller's bytes are sent unchanged"] : []),
    ...(exact.length > 0 ? [`   exact         ${exact.join(', ')}`] : []),
    ...others.map(({ fidelity, field, detail }) => `   ${fidelity.padEnd(12)}  ${field}: ${detail}`),
    `   POST ${candidate.url}`,
    ...Object.entries(candidate.headers).map(([name, value]) => `   ${name}: ${value}`),
    ...JSON.stringify(candidate.body, null, 2)
      .split('\n')
      .map(line => `   ${line}`),
  ].join('\n');
}
