/** LiteLLM's proxy: fetched with pip for the bench, and measured with its own defaults, which keep no record of a request. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../processes.ts';
import type { Subject } from '../subjects.ts';
import { freeFolder, freePort, type InstalledRival, modelCells, pipInstall, runningRival } from './rival.ts';

/** It starts only with a key that is hard to guess. */
const key = 'sk-bench-3f9d1c7a5e0b482d';

/** Rejects with the words of python or pip when it cannot be had. Takes minutes. */
export async function installLitellm(): Promise<InstalledRival> {
  const place = freeFolder('litellm');
  try {
    return { subject: subjectIn(place.folder, await pipInstall(place.folder, 'litellm', 'litellm[proxy]')), remove: place.remove };
  } catch (error) {
    place.remove();
    throw error;
  }
}

function subjectIn(folder: string, version: string): Subject {
  return {
    name: 'litellm',
    what: `litellm[proxy] ${version}, which records nothing without a Postgres; asked a tenth as often as the others, for it takes so long`,
    runs: cell => modelCells.has(cell.name),
    share: 0.1,
    start: async upstream => {
      const port = await freePort();
      const [config, logFile] = [join(folder, 'config.yaml'), join(folder, 'log')];
      const models = [...modelCells].map(name => ({
        model_name: `${name}/model`,
        litellm_params: { model: 'openai/model', api_base: `${upstream}/${name}/v1`, api_key: 'no-key-is-looked-at' },
      }));
      writeFileSync(config, JSON.stringify({ model_list: models }));
      const args = [join(folder, 'bin/litellm'), '--config', config, '--host', '127.0.0.1', '--port', String(port)];
      // Without the second it looks for prices on the network first.
      const env = { LITELLM_MASTER_KEY: key, LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
      const started = start('subject', args, folder, openSync(logFile, 'w'), env);
      return runningRival(started, `http://127.0.0.1:${port}`, logFile, { headersOf: () => ({ authorization: `Bearer ${key}` }) });
    },
  };
}
