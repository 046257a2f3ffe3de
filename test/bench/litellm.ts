/** LiteLLM's proxy: fetched with pip for the bench, and measured with its own defaults, which keep no record of a request. */
import { execFile } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, type InstalledCompetitor, runningCompetitor } from './competitor.ts';
import { start } from './processes.ts';
import type { Subject } from './subjects.ts';

const run = promisify(execFile);
const cells = new Set(['base', 'sse', 'one', 'sse-one']);
const installMsMax = 900_000;
/** It starts only with a key that is hard to guess. */
const key = 'sk-bench-3f9d1c7a5e0b482d';

/** Rejects with the words of python or pip when it cannot be had. Takes minutes. */
export async function installLitellm(): Promise<InstalledCompetitor> {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-litellm-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: installMsMax });
    await run(join(folder, 'bin/pip'), ['install', '--quiet', 'litellm[proxy]'], { timeout: installMsMax });
    const { stdout } = await run(join(folder, 'bin/pip'), ['show', 'litellm'], { timeout: installMsMax });
    return { subject: subjectIn(folder, /^Version: (.*)$/m.exec(stdout)?.[1] ?? 'of unknown version'), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function subjectIn(folder: string, version: string): Subject {
  return {
    name: 'litellm',
    what: `litellm[proxy] ${version}, which records nothing; asked a tenth as often as the others, for it takes so long`,
    runs: cell => cells.has(cell.name),
    share: 0.1,
    start: async upstream => {
      const port = await freePort();
      const [config, logFile] = [join(folder, 'config.yaml'), join(folder, 'log')];
      const models = [...cells].map(name => ({
        model_name: `${name}/model`,
        litellm_params: { model: 'openai/model', api_base: `${upstream}/${name}/v1`, api_key: 'no-key-is-looked-at' },
      }));
      writeFileSync(config, JSON.stringify({ model_list: models }));
      const args = [join(folder, 'bin/litellm'), '--config', config, '--host', '127.0.0.1', '--port', String(port)];
      // Without the second it looks for prices on the network first.
      const env = { LITELLM_MASTER_KEY: key, LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
      const started = start('subject', args, folder, openSync(logFile, 'w'), env);
      return runningCompetitor(started, port, logFile, () => ({ authorization: `Bearer ${key}` }));
    },
  };
}
