/** The commands in this process, which start at once: what they print, and what they exit with. `Workspace.run` starts the real program. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import type { Workspace } from './hindcast.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface CommandGroup {
  register(program: Command): void;
}

const gateway = (): Promise<CommandGroup> => import('../gateway/main.ts');
const recorder = (): Promise<CommandGroup> => import('../recorder/main.ts');
const evaluation = (): Promise<CommandGroup> => import('../eval/main.ts');
const replay = async (): Promise<CommandGroup> => {
  const [{ register }, gate] = await Promise.all([import('../replay/main.ts'), import('../eval/commands/comparison/gate.ts')]);
  const gates = { check: async (file: string) => gate.requireSequentialGate(file), verdict: gate.currentVerdict };
  return { register: program => register(program, gates) };
};

/** The group that owns the command, as main.ts composes it. */
const groups: Readonly<Record<string, () => Promise<CommandGroup>>> = { store: recorder, doctor: recorder, replay, eval: evaluation };

async function programFor(name: string): Promise<Command> {
  const root = new Command('hindcast').exitOverride();
  (await (groups[name] ?? gateway)()).register(root);
  const inherit = (parent: Command): void => {
    for (const command of parent.commands) inherit(command.exitOverride());
  };
  inherit(root);
  return root;
}

/** In the current folder. One at a time: output and exit code belong to the process. */
export async function runInProcess(...args: readonly string[]): Promise<CommandResult> {
  const root = await programFor(args[0] ?? '');
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(stream =>
    vi.spyOn(process[stream], 'write').mockImplementation(chunk => {
      output[stream] += String(chunk);
      return true;
    }),
  );
  process.exitCode = 0;
  try {
    await root.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = 2;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  const code = Number(process.exitCode);
  process.exitCode = 0;
  return { code, ...output };
}

/** In the workspace's folder. */
export async function runIn(place: Workspace, ...args: readonly string[]): Promise<CommandResult> {
  const before = process.cwd();
  process.chdir(place.folder);
  try {
    return await runInProcess(...args);
  } finally {
    process.chdir(before);
  }
}
