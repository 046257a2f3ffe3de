/** The command line: loads the folder that owns the command, and no other. */
import { Command, CommanderError } from 'commander';
import { exit } from './gateway/cli/exit.ts';
import { version } from './gateway/settings/version.ts';

interface CommandGroup {
  register(program: Command): void;
}

const gateway = (): Promise<CommandGroup> => import('./gateway/main.ts');
const recorder = (): Promise<CommandGroup> => import('./recorder/main.ts');
/** Replay is below eval in the layers, so the gate of a run is passed in from here. */
const replay = async (): Promise<CommandGroup> => {
  const { register } = await import('./replay/main.ts');
  const gate = () => import('./eval/commands/comparison/gate.ts');
  return {
    register: program =>
      register(program, {
        check: async file => (await gate()).requireSequentialGate(file),
        verdict: async (file, options) => (await gate()).currentVerdict(file, options),
      }),
  };
};
const evaluation = (): Promise<CommandGroup> => import('./eval/main.ts');

const commandGroups: Readonly<Record<string, () => Promise<CommandGroup>>> = {
  serve: gateway,
  config: gateway,
  keys: gateway,
  tail: gateway,
  show: gateway,
  open: gateway,
  store: recorder,
  doctor: recorder,
  prices: recorder,
  replay,
  eval: evaluation,
  demo: evaluation,
};

const name = process.argv.slice(2).find(word => !word.startsWith('-')) ?? '';
// The reader of stdout may close it, as in `hindcast … | head`; a gateway continues without a reader.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (name !== 'serve') process.exit();
});

const program = new Command('hindcast')
  .description("An OpenAI-compatible LLM proxy that observes first: test tomorrow's routing on yesterday's traffic.")
  .version(version())
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  hindcast serve                                          start the gateway
  hindcast config check                                   list every problem of hindcast.yaml
  hindcast replay run --since 1h --against sim/large      re-send the last hour to another target
  hindcast replay diff latest                             show the differences
  hindcast eval sweep --chain smart                       find a safe confidence threshold and what it saves`,
  );

const commandGroup = Object.hasOwn(commandGroups, name) ? commandGroups[name] : undefined;
for (const load of commandGroup ? [commandGroup] : [gateway, recorder, replay, evaluation]) (await load()).register(program);

try {
  inheritExitOverride(program);
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed the error; a usage error exits with 2, help with 0.
  process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : exit.usage;
}

/** Makes subcommands throw as the program does, so that every usage error ends in one place. */
function inheritExitOverride(parent: Command): void {
  for (const command of parent.commands) {
    command.exitOverride();
    inheritExitOverride(command);
  }
}
