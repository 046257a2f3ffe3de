/** `hindcast tail`, `hindcast show` and `hindcast open`, over the admin API. */
import { type Command, Option } from 'commander';
import { outcomes } from '../../admin/api/exchanges.ts';
import { action } from '../command.ts';
import type { LocalAccess } from './client.ts';
import { type OpenOptions, runOpen } from './open.ts';
import { runShow, type ShowOptions } from './show.ts';
import { runTail, type TailOptions } from './tail.ts';

export function registerTail(program: Command, access: LocalAccess): void {
  const common = (command: Command): Command =>
    command
      .option('--url <url>', 'the gateway (default: the one that runs on store.path, else server.host and server.port)')
      .option('--key <key>', 'an admin API key (default: HINDCAST_ADMIN_KEY, else admin.key of store.path)')
      .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
      .option('--json', 'print JSON');
  common(program.command('tail'))
    .description('print exchanges as they finish; Ctrl-C ends it')
    .option('--last <count>', 'print so many earlier ones first', '10')
    .option('--route <name>', 'only this route')
    .option('--model <name>', 'only this model, as it answered or as it was requested')
    .option('--provider <name>', 'only this provider')
    .option('--tenant <name>', 'only this tenant')
    .option('--project <name>', 'only this project')
    .option('--key-name <name>', "only this caller's key, by its name")
    .option('--user <name>', 'only this end user')
    .option('--conversation <id>', 'only this conversation')
    .addOption(new Option('--outcome <name>', 'only this outcome').choices([...outcomes]))
    .option('--error-type <name>', 'only this kind of failure')
    .option('--tag <name=value>', 'only with this tag')
    .option('--min-cost <usd>', 'only from this cost on')
    .option('--min-latency <ms>', 'only from this latency on')
    .addHelpText(
      'after',
      `
Examples:
  hindcast tail
  hindcast tail --route smart --min-latency 2000
  hindcast tail --outcome upstream_error --json | jq .error_type
  HINDCAST_ADMIN_KEY=hc_… hindcast tail --url https://gateway.example`,
    )
    .action(action((options: TailOptions) => runTail(options, access)));
  common(program.command('show <id>'))
    .description('print one exchange with its attempts; the id is the x-request-id of its answer')
    .addHelpText(
      'after',
      `
Examples:
  hindcast show 01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69
  hindcast show 01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69 --json | jq '.attempt_list[].target'`,
    )
    .action(action((id: string, options: ShowOptions) => runShow(id, options, access)));
  common(program.command('open [id]'))
    .description('open the console in a browser; the id is the x-request-id of an answer')
    .addHelpText(
      'after',
      `
Examples:
  hindcast open
  hindcast open 01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69`,
    )
    .action(action((id: string | undefined, options: OpenOptions) => runOpen(id, options, access)));
}
