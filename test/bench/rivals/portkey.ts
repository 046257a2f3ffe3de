/** Portkey's gateway, which records nothing: fetched from npm for the bench, and measured with its own defaults. */
import { execFile } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cell } from '../cells.ts';
import { startNode } from '../processes.ts';
import type { Subject } from '../subjects.ts';
import { freeFolder, freePort, type InstalledRival, modelCells, runningRival } from './rival.ts';

const installMsMax = 180_000;

/** Rejects with npm's own words when it cannot be had. */
export async function installPortkey(): Promise<InstalledRival> {
  const { folder, remove } = freeFolder('portkey');
  try {
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', '@portkey-ai/gateway'];
    await promisify(execFile)('npm', args, { cwd: folder, timeout: installMsMax });
    return { subject: subjectIn(folder), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function subjectIn(folder: string): Subject {
  const home = join(folder, 'node_modules/@portkey-ai/gateway');
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  return {
    name: 'portkey',
    what: `@portkey-ai/gateway ${version}, which records nothing`,
    runs: cell => modelCells.has(cell.name),
    start: async upstream => {
      const port = await freePort();
      const logFile = join(folder, 'log');
      const args = [join(home, 'build/start-server.js'), '--headless', `--port=${port}`];
      // Without the second it refuses providers on this machine.
      const env = { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' };
      const started = startNode('subject', args, home, openSync(logFile, 'w'), env);
      const headersOf = (cell: Cell): Record<string, string> => ({
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${upstream}/${cell.name}/v1`,
        authorization: 'Bearer no-key-is-looked-at',
      });
      return runningRival(started, `http://127.0.0.1:${port}`, logFile, { headersOf });
    },
  };
}
