/** The commands in this process: what they would print, and what they would exit with. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { register } from '../../eval/main.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runInProcess(...args: readonly string[]): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(stream =>
    vi.spyOn(process[stream], 'write').mockImplementation(chunk => {
      output[stream] += String(chunk);
      return true;
    }),
  );
  const program = new Command('hindcast').exitOverride();
  register(program);
  const inherit = (parent: Command): void => {
    for (const command of parent.commands) inherit(command.exitOverride());
  };
  inherit(program);
  process.exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
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
