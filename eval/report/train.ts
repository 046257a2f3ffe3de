/** The result of training, as text: how well the scorer ranks held-out responses, and by which features. */
import type { Training } from '../calibration/train-scorer.ts';
import { count, none, percent } from './shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

export function trainingText(
  training: Training,
  {
    chain,
    label,
    file,
    notes,
  }: { readonly chain: string; readonly label: string; readonly file: string | undefined; readonly notes: readonly string[] },
  table: Table,
): string {
  const { target, scorer, crossFitted, alone, leftOut, items, clusters } = training;
  const best = alone.toSorted((a, b) => b.auroc - a.auroc)[0];
  const lead = best ? `; ${best.signal} alone does so ${percent(best.auroc)} of the time` : '';
  const rows = scorer.features
    .map(({ signal, weight }) => ({ signal, weight, own: alone.find(a => a.signal === signal) }))
    .toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .map(({ signal, weight, own }) => [signal, weight.toFixed(3), own ? own.auroc.toFixed(3) : none, own ? percent(own.shown) : none]);
  return [
    `The scorer ranks a right answer of ${target} above a wrong one ${percent(crossFitted.auroc)} of the time, on answers it was not fitted on${lead}.`,
    ...[
      '',
      `chain ${chain}   quality: ${label}   fitted on ${count(items, 'answer')}, ${count(clusters, 'cluster')}, all of the tuning requests`,
    ],
    ...['', table(['feature', 'weight', 'AUROC alone', 'shown by'], rows), ''],
    `Cross-fitted Brier ${crossFitted.brier.toFixed(4)}, AURC ${crossFitted.aurc.toFixed(4)}.${leftOut.length > 0 ? ` Left out, for too few answers show them or all show the same: ${leftOut.join(', ')}.` : ''}`,
    file === undefined
      ? 'Keep it with -o scorer.json.'
      : `Next: hindcast eval certify --chain '${chain}' --signal scorer --scorer ${file} --max-loss 2pp; then scorer: in the step of the route.`,
    ...notes,
  ].join('\n');
}
