/** `hindcast prices`: what models cost, newer prices, and what recorded traffic cost by them or by a bill. */
import type { Command } from 'commander';
import { action } from '../../gateway/cli/command.ts';
import { runDiff, runList, runShow } from './list.ts';
import { runReconcile } from './reconcile.ts';
import { runReprice } from './reprice.ts';
import { runUpdate } from './update.ts';

export function registerPrices(program: Command): void {
  const prices = program
    .command('prices')
    .description('show, update and check the prices of models')
    .addHelpText(
      'after',
      `
Nothing is fetched unless you run \`update\`.

Examples:
  hindcast prices show deepseek/deepseek-flash --at 2026-11-30T02:00Z
  hindcast prices update --from prices.json
  hindcast prices reprice --since 30d
  hindcast prices reconcile --bill openai-costs.csv`,
    );
  common(prices.command('list').description('list the known prices'))
    .option('--provider <name>', "only this provider's, by its name in the configuration or in the table")
    .option('--at <time>', 'prices at this time: 7d ago, or a date such as 2026-01-31T12:00Z (default: now)')
    .addHelpText('after', '\nExamples:\n  hindcast prices list --provider deepseek\n  hindcast prices list --at 2026-08-01 --json')
    .action(action(runList));
  common(prices.command('show <model>').description('show the price of provider/model, or of a model at every provider'))
    .option('--at <time>', 'the price at this time (default: now)')
    .addHelpText(
      'after',
      '\nExamples:\n  hindcast prices show openai/gpt-5\n  hindcast prices show deepseek/deepseek-flash --at 2026-11-29T02:00Z',
    )
    .action(action(runShow));
  common(prices.command('diff').description("show where the configuration's and the price file's prices differ from the built-in table"))
    .option('--at <time>', 'prices at this time (default: now)')
    .addHelpText('after', '\nExample:\n  hindcast prices diff --json')
    .action(action(runDiff));
  registerChanges(prices);
}

function registerChanges(prices: Command): void {
  common(
    prices
      .command('update')
      .description('take prices from a file or URL; a gateway uses them from its next start or change of configuration'),
  )
    .requiredOption('--from <source>', 'a file or https URL: entries as under `prices` in JSON, or the data.json of genai-prices')
    .addHelpText(
      'after',
      '\nExamples:\n  hindcast prices update --from prices.json\n  hindcast prices update --from https://example.com/prices.json',
    )
    .action(action(runUpdate));
  common(prices.command('reprice').description('count what recorded attempts cost by the present prices, into the table `repriced`'))
    .requiredOption('--since <time>', 'attempts from then on: 30d, or a date')
    .option('--until <time>', 'attempts before then')
    .addHelpText(
      'after',
      '\nThe recorded costs stay. Costs that a provider stated are left out.\n\nExample:\n  hindcast prices reprice --since 30d',
    )
    .action(action(runReprice));
  common(
    prices
      .command('reconcile')
      .description('compare a bill with what was recorded, by day and model; exits with 1 when more than 1 % is unexplained'),
  )
    .requiredOption('--bill <file>', 'a cost export of OpenAI, Anthropic, Google or AWS, as CSV or JSON')
    .option('--provider <name>', 'the provider of the configuration that the bill is of (default: by the form of the bill)')
    .addHelpText(
      'after',
      '\nExamples:\n  hindcast prices reconcile --bill openai-costs.json\n  hindcast prices reconcile --bill aws-cur.csv --provider bedrock --json',
    )
    .action(action(runReconcile));
}

const common = (command: Command): Command =>
  command
    .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
    .option('--json', 'print JSON');
