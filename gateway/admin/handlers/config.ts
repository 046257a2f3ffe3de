/** The configuration: shown without its secrets, checked, replaced. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { maskSecrets, unmaskSecrets } from '../../config/edit/mask-secrets.ts';
import { checkText, replaceFile } from '../../config/edit/replace-file.ts';
import { loadConfig, printProblems } from '../../config/index.ts';
import { type LoadResult, validateConfig } from '../../config/load.ts';
import { restartNeeded } from '../../config/restart.ts';
import { parseSource } from '../../config/source/source.ts';
import { configSummary } from '../../config/summary.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { Settings } from '../../settings/settings.ts';
import { configChanged } from '../http/caller.ts';
import type { Handlers } from './contract.ts';

interface ConfigFile {
  readonly path: string;
  readonly location: { readonly directory: string; readonly environment: Readonly<Record<string, string | undefined>> };
}

/** Where the running configuration came from; undefined when it came from no file. */
export function configFile({ file }: Settings, environment: ConfigFile['location']['environment']): ConfigFile | undefined {
  return file === undefined ? undefined : { path: file, location: { directory: dirname(file), environment } };
}

export const noConfigFile: Refusal = invalid(
  'no_config_file',
  'This gateway has no configuration file: its providers come from the environment. Start it with --config FILE.',
  null,
  409,
);

/** Handlers of the configuration's routes. */
export const configHandlers: Handlers<'getConfig' | 'setConfig' | 'checkConfig'> = {
  getConfig: ({ version: { settings } }, { environment }) => {
    const file = configFile(settings, environment);
    if (!file) return { hash: settings.hash, file: null, text: null, running: true, summary: configSummary(settings) };
    const loaded = loadConfig({ ...file.location, file: file.path });
    const isRunning = loaded.ok && loaded.settings.hash === settings.hash;
    return {
      ...{ hash: settings.hash, file: file.path, running: isRunning },
      text: maskSecrets(readFileSync(file.path, 'utf8'))?.text ?? null,
      summary: configSummary(isRunning ? loaded.settings : settings),
    };
  },
  setConfig: (call, { environment }) => {
    const { settings } = call.version;
    const file = configFile(settings, environment);
    if (!file) return noConfigFile;
    const old = readFileSync(file.path, 'utf8');
    const now = loadConfig({ ...file.location, file: file.path });
    // Somebody wrote another one that the gateway has not taken yet.
    if (now.ok && now.settings.hash !== settings.hash) return configChanged(now.settings.hash);
    const loaded = replaceFile(file.path, unmaskSecrets(call.body.text, old), file.location);
    if (!loaded.ok) return invalid('invalid_config', printProblems(loaded.problems), 'text', 422);
    const { hash } = loaded.settings;
    call.audit({ subject: hash, detail: { before: settings.hash, after: hash, file: file.path } });
    return { hash, restart_needed: [...restartNeeded(settings, loaded.settings)] };
  },
  checkConfig: (call, { environment }) => {
    const { settings } = call.version;
    const file = configFile(settings, environment);
    const loaded = file
      ? checkText(file.path, unmaskSecrets(call.body.text, readFileSync(file.path, 'utf8')), file.location)
      : checkLoose(call.body.text, environment);
    call.audit({ subject: loaded.ok ? loaded.settings.hash : '', detail: { ok: loaded.ok } });
    return loaded.ok
      ? { ok: true, hash: loaded.settings.hash, problems: [], restart_needed: [...restartNeeded(settings, loaded.settings)] }
      : { ok: false, hash: null, problems: [...loaded.problems], restart_needed: [] };
  },
};

/** Of a gateway without a file. */
function checkLoose(text: string, environment: ConfigFile['location']['environment']): LoadResult {
  const location = { directory: process.cwd(), environment };
  const parsed = parseSource('hindcast.yaml', text, location);
  return parsed.ok ? validateConfig(parsed.source, location, undefined) : parsed;
}
