/** The command line: finds the folder that owns the command, and loads no other. */
import { Command, CommanderError } from 'commander';
import { exit } from './gateway/cli/exit.ts';
import { version } from './gateway/settings/version.ts';

interface CommandGroup {
  register(program: Command): void;
}

const gateway = (): Promise<CommandGroup> => import('./gateway/main.ts');
const recorder = (): Promise<CommandGroup> => import('./recorder/main.ts');
/** Replay stands below eval; a run's gate is handed in from here. */
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
  store: recorder,
  doctor: recorder,
  replay,
  eval: evaluation,
  demo: evaluation,
};

const name = process.argv.slice(2).find(word => !word.startsWith('-')) ?? '';
// Whoever reads us may have seen enough, as in `hindcast … | head`; a gateway goes on without a reader.
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
  hindcast config check                                   say all that is wrong with hindcast.yaml
  hindcast replay run --since 1h --against sim/large      ask the last hour again
  hindcast replay diff latest                             what came out differently
  hindcast eval sweep --chain smart                       which confidence threshold is safe, and what it saves`,
  );

const commandGroup = Object.hasOwn(commandGroups, name) ? commandGroups[name] : undefined;
for (const load of commandGroup ? [commandGroup] : [gateway, recorder, replay, evaluation]) (await load()).register(program);

try {
  inheritExitOverride(program);
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has already said what is wrong; a wrong call exits with 2 here, and help is no error.
  process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : exit.usage;
}

/** Commands made by the folders throw as the program does, so that every wrong call ends in one place. */
function inheritExitOverride(parent: Command): void {
  for (const command of parent.commands) {
    command.exitOverride();
    inheritExitOverride(command);
  }
}
