/** `hindcast config check | schema | explain | import`. */
import type { Command } from 'commander';
import { certificateWarnings } from '../config/checks/certificates.ts';
import { configSchema, loadConfig, printProblems } from '../config/index.ts';
import { configSummary } from '../config/summary.ts';
import { wallClock } from '../settings/clock.ts';
import { action, exit, printResult } from './command.ts';
import { formatConfigSummary } from './config-summary.ts';
import { registerExplain } from './explain-command.ts';
import { registerImport } from './import-command.ts';

export { registerKeys } from './keys/key-commands.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds `hindcast config` and its subcommands. */
export function registerConfig(program: Command): void {
  const config = program
    .command('config')
    .description('check the configuration, print its schema, explain a request, or import the configuration of another gateway')
    .addHelpText(
      'after',
      `
Examples:
  hindcast config check                      list every problem of hindcast.yaml, or summarize it
  hindcast config schema > hindcast.schema.json
  hindcast config explain --request body.json   print what each target would be sent, and what would be lost
  hindcast config import litellm-config.yaml -o hindcast.yaml`,
    );
  config
    .command('check')
    .description('print every problem with file, line and column, and exit 2; without problems, print a summary')
    .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  hindcast config check
  hindcast config check --config team/hindcast.yaml
  hindcast config check --json | jq '.problems[].message'`,
    )
    .action(action(check));
  config
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .option('--config <file>', 'the configuration; it does not change the schema')
    .option('--json', 'print JSON (the default)')
    .addHelpText(
      'after',
      `
Examples:
  hindcast config schema > hindcast.schema.json
  then, as the first line of hindcast.yaml:
  # yaml-language-server: $schema=./hindcast.schema.json`,
    )
    .action(action(async () => printResult({ json: true }, configSchema(), () => '')));
  registerExplain(config);
  registerImport(config);
}

async function check(options: Options): Promise<number> {
  const loaded = loadConfig({ file: options.config, directory: process.cwd(), environment: process.env });
  if (!loaded.ok) {
    printResult(options, { ok: false, problems: loaded.problems }, () => printProblems(loaded.problems));
    return exit.usage;
  }
  const warnings = certificateWarnings(loaded.settings, wallClock.now());
  const summary = { ...configSummary(loaded.settings), warnings };
  printResult(options, summary, () =>
    [formatConfigSummary(loaded.settings), ...warnings.map(warning => `Warning: ${warning}.`)].join('\n'),
  );
  return exit.pass;
}
