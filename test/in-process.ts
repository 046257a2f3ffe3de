/** The commands in this process, which start at once: what they print, and what they exit with. `Workspace.run` starts the real program. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import type { Workspace } from './hindcast.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** All groups of commands, as main.ts composes them. */
async function program(): Promise<Command> {
  const root = new Command('hindcast').exitOverride();
  const gate = await import('../eval/commands/comparison/gate.ts');
  for (const { register } of [await import('../gateway/main.ts'), await import('../recorder/main.ts'), await import('../eval/main.ts')])
    register(root);
  (await import('../replay/main.ts')).register(root, {
    check: async file => gate.requireSequentialGate(file),
    verdict: gate.currentVerdict,
  });
  const inherit = (parent: Command): void => {
    for (const command of parent.commands) inherit(command.exitOverride());
  };
  inherit(root);
  return root;
}

/** In the current folder. One at a time: output and exit code belong to the process. */
export async function runInProcess(...args: readonly string[]): Promise<CommandResult> {
  const root = await program();
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
