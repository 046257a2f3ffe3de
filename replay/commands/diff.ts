/** `hindcast replay diff`. */
import { CommandError, exit, result, settingsOf } from '../../gateway/cli.ts';
import { openStore } from '../../recorder/open.ts';
import { diff, type Pair, total } from '../diff.ts';
import { type ArmDiff, diffText } from '../report.ts';
import { runNamed } from '../runs.ts';
import { parseCount } from '../selection.ts';
import { pairsOf } from '../source.ts';

export interface DiffOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly limit: string;
}

export async function diffRun(name: string, options: DiffOptions): Promise<void> {
  const limit = parseCount(options.limit, '--limit');
  const store = await openStore(settingsOf(options));
  try {
    const run = await runNamed(store, name);
    const byArm = new Map<string, Pair[]>();
    for (const { arm, original, again } of await pairsOf(store, run)) {
      const pair = { id: original.id, recorded: original.answer, replayed: again.answer, diff: diff(original.answer, again.answer) };
      byArm.set(arm, [...(byArm.get(arm) ?? []), pair]);
    }
    if (byArm.size === 0) throw new CommandError(exit.nothing, `Run ${run} has recorded nothing.`);
    const arms: readonly ArmDiff[] = [...byArm].map(([arm, pairs]) => ({ arm, totals: total(pairs), pairs }));
    result(options, { run, arms }, () => diffText(run, arms, limit));
  } finally {
    await store.close();
  }
}
