/** Declares the flags that eval's commands share. */
import type { Command } from 'commander';
import { repeatable } from './options.ts';

/** The command with `--config` and `--json`. */
export const commonFlags = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

/** `many`: of more than one request. */
export const dataFlags = (command: Command, { many = true } = {}): Command => {
  command
    .option('--outcomes <file>', 'JSONL of {id, cluster?, targets: {name: {quality, confidence, cost, ...}}} instead of the store')
    .option('--since <time>', 'requests from then on: 1h, 7d, or a date')
    .option('--run <run>', 'only requests of this replay or import; an id, latest, shadow or audit (repeatable)', repeatable)
    .option(
      '--quality <name>',
      'the name of a score, or agreement (with the strongest); auto takes scores named quality, else agreement',
      'auto',
    );
  return many ? command.option('--limit <count>', 'the most recent so many requests', '10000') : command;
};

/** The command with the flags that name a chain and its outcomes. */
export const chainFlags = (command: Command, { many = true } = {}): Command =>
  dataFlags(
    commonFlags(command)
      .requiredOption('--chain <chain>', 'a route, or targets with commas between, cheap ones first')
      .option('--signal <signal>', 'what the threshold is laid on', 'confidence')
      .option('--scorer <file>', 'judge answers of the first target by this trained scorer; again for the second (repeatable)', repeatable),
    { many },
  );

/** For commands that take weights. */
export const weighFlag = (command: Command): Command =>
  command.option(
    '--weigh',
    'with --run audit or shadow: all that is known, each for one over its chance, and not a sample of equal chances',
  );
