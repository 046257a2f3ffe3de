/** Registers `hindcast eval cache`. */
import type { Command } from 'commander';
import { action } from '../../../gateway/cli/command.ts';
import { commonFlags } from '../shared/flags.ts';
import { repeatable } from '../shared/options.ts';
import { type CacheOptions, runCache, scopes } from './cache.ts';

/** Adds the command to `hindcast eval`. */
export function registerCache(evaluation: Command): void {
  commonFlags(evaluation.command('cache').description('what a response cache would have saved, and who would have got a different answer'))
    .option('--since <time>', 'requests from then on: 1h, 7d, or a date', '30d')
    .option('--route <name>', 'only requests on this route')
    .option('--ttl <span>', 'a lifetime of entries (repeatable; default: 5m, 1h, 1d, 7d)', repeatable)
    .option('--scope <scope>', `who may get whose answers: ${scopes.join(', ')}`, 'tenant')
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--limit <count>', 'the most recent so many requests', '100000')
    .addHelpText(
      'after',
      '\nExamples:\n  hindcast eval cache --since 30d\n  hindcast eval cache --route chat --ttl 10m --ttl 1h --scope user',
    )
    .action(action((options: CacheOptions) => runCache(options)));
}
