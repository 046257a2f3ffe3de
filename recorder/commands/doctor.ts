/** `hindcast doctor`: checks everything a gateway needs and says what to fix. */
import { exit, loadSettings, printResult, table } from '../../gateway/cli/command.ts';
import { type Finding, runChecks } from '../doctor/check.ts';
import { checkFolder, checkNode, checkPort } from '../doctor/machine.ts';
import { checkProviders } from '../doctor/providers.ts';
import { checkState, checkStore, checkTraces } from '../doctor/services.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

/** Exits with 1 when a check finds a problem. */
export async function runDoctor(options: Options): Promise<number> {
  const settings = loadSettings(options);
  const { file, hash } = settings;
  const found: readonly Finding[] = [
    { what: 'config', state: 'ok', message: `${file ?? 'no file, providers from the environment'}, hash ${hash}` },
    ...(await runChecks([
      ['node', () => checkNode()],
      ['port', () => checkPort(settings)],
      ['folder', () => checkFolder(settings)],
      ['store', () => checkStore(settings)],
      ['state', () => checkState(settings)],
      ['traces', () => checkTraces(settings)],
      ['providers', () => checkProviders(settings)],
    ])),
  ];
  const isHealthy = found.every(({ state }) => state !== 'problem');
  printResult(options, { ok: isHealthy, findings: found }, () => text(found));
  return isHealthy ? exit.pass : exit.failed;
}

const symbols = { ok: '✓', warning: '!', problem: '✗' } as const;

const text = (found: readonly Finding[]): string =>
  table(
    ['', 'what', 'found'],
    found.map(({ what, state, message }) => [symbols[state], what, message]),
  );
