/** `hindcast eval snapshot`. */
import { note, printResult } from '../../../gateway/cli/command.ts';
import { completeItems } from '../../outcomes/outcomes.ts';
import { printOutcomes } from '../../outcomes/snapshot.ts';
import { count } from '../../report/shared/format.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { writeText } from '../shared/options.ts';
import { noCompleteItemsError, selectionNote } from '../shared/store-outcomes.ts';

export interface SnapshotOptions extends Omit<ChainOptions, 'signal'> {
  readonly output?: string;
}

export async function runSnapshot(options: SnapshotOptions): Promise<void> {
  const { chain, outcomes } = await chainAndOutcomes(options, undefined, { weighs: true });
  const kept = completeItems(outcomes.items, chain.targets);
  if (kept.items.length === 0) throw noCompleteItemsError(chain.targets, kept, options.outcomes !== undefined);
  const lines = printOutcomes(outcomes.items, chain.targets);
  const notes = [...outcomes.notes, ...selectionNote(kept.dropped, kept.known)];
  if (options.output === undefined) {
    process.stdout.write(lines);
    notes.forEach(note);
    return;
  }
  writeText(options.output, lines);
  const summary = {
    file: options.output,
    items: kept.known,
    complete: kept.items.length,
    targets: chain.targets,
    quality_from: outcomes.label,
  };
  printResult(options, { ...summary, notes }, () =>
    [
      `${options.output}: ${count(kept.known, 'request')}, ${kept.items.length} of them with every outcome; quality: ${outcomes.label}.`,
      `Next: hindcast eval sweep --chain '${chain.targets.join(',')}' --outcomes ${options.output}, or data: { outcomes: … } in a gate file.`,
      ...notes,
    ].join('\n'),
  );
}
