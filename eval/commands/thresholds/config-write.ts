/** Writes thresholds into the running config: validates the new file first, replaces the old one atomically, and keeps its mode. */
import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { CommandError, exit, loadSettings, note } from '../../../gateway/cli/command.ts';
import { writeThreshold } from '../../../gateway/config/edit/threshold.ts';
import type { Chain, SweptSignal } from '../../policies/chain.ts';

export function writeConfig(named: string, chain: Chain, signal: SweptSignal, thresholds: readonly number[]): void {
  const file = realpathSync(named);
  const text = thresholds.reduce(
    (before, threshold, step) => {
      const edited = writeThreshold(before, { route: chain.name, target: chain.targets[step]!, step, signal, threshold });
      if (!edited.ok) throw new CommandError(exit.usage, `${file}: ${edited.problem}.`);
      return edited.text;
    },
    readFileSync(file, 'utf8'),
  );
  const temporaryFile = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporaryFile, text, { mode: statSync(file).mode & 0o777 });
    loadSettings({ config: temporaryFile });
    renameSync(temporaryFile, file);
  } finally {
    rmSync(temporaryFile, { force: true });
  }
  for (const [step, threshold] of thresholds.entries())
    note(`written: ${file}: routes.${chain.name} accepts ${chain.targets[step]} at ${signal} ${threshold}`);
}
