/** TensorZero's gateway, which its Python wheel carries: fetched with pip for the bench. It records to ClickHouse or Postgres, which are not here. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start, waitForOutput } from '../processes.ts';
import type { Subject } from '../subjects.ts';
import { freeFolder, type InstalledRival, modelCells, pipInstall, runningRival } from './rival.ts';

/** Starts the gateway as its package documents it, and says where. */
const program = `import sys, time, types, tensorzero
client = types.SimpleNamespace(base_url=None)
tensorzero.patch_openai_client(client, config_file=sys.argv[1], async_setup=False)
print(client.base_url, flush=True)
while True:
    time.sleep(3600)
`;

/** Rejects with the words of python or pip when it cannot be had. */
export async function installTensorzero(): Promise<InstalledRival> {
  const place = freeFolder('tensorzero');
  try {
    return { subject: subjectIn(place.folder, await pipInstall(place.folder, 'tensorzero')), remove: place.remove };
  } catch (error) {
    place.remove();
    throw error;
  }
}

function subjectIn(folder: string, version: string): Subject {
  return {
    name: 'tensorzero',
    what: `tensorzero ${version} (the gateway in its wheel), observability off: recording takes a ClickHouse server or Postgres`,
    runs: cell => modelCells.has(cell.name),
    start: async upstream => {
      const [config, script, logFile] = [join(folder, 'tensorzero.toml'), join(folder, 'start.py'), join(folder, 'log')];
      const models = [...modelCells].map(
        name => `[models.${name}]
routing = ["upstream"]
[models.${name}.providers.upstream]
type = "openai"
api_base = "${upstream}/${name}/v1/"
model_name = "model"
api_key_location = "none"
`,
      );
      writeFileSync(config, `[gateway.observability]\nenabled = false\n${models.join('')}`);
      writeFileSync(script, program);
      const started = start('subject', [join(folder, 'bin/python'), script, config], folder, openSync(logFile, 'w'));
      const base = new URL(await waitForOutput(started, /^(http:\S+)$/m));
      return runningRival(started, base.origin, logFile, {
        pathOf: () => `${base.pathname.replace(/\/$/, '')}/chat/completions`,
        modelOf: cell => `tensorzero::model_name::${cell.name}`,
      });
    },
  };
}
