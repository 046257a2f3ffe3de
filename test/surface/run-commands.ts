/** Runs many commands in a folder, in one process for all of them: each costs then what it does, and not a start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { CommandResult } from '../hindcast.ts';

export async function runCommands(folder: string, commands: readonly (readonly string[])[]): Promise<readonly CommandResult[]> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'run-all.ts')], {
    cwd: folder,
    env: { PATH, HOME, NODE_COMPILE_CACHE, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    told += chunk;
  });
  child.stdin.end(JSON.stringify(commands));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the commands ended with ${code}: ${told}`);
  return JSON.parse(told) as CommandResult[];
}
