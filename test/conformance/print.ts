/** The conformance scores as text. */
import type { Score } from './score.ts';

export function formatScores(scores: readonly Score[]): string {
  const head = ['provider', 'rows', 'chat rows', 'answers alike', 'refusals alike', 'excepted', 'wrong', 'score', 'other endpoints'];
  const lines = scores.map(score => {
    const elsewhere = [...score.elsewhere.values()].reduce((sum, count) => sum + count, 0);
    const chat = score.rows - elsewhere;
    const alike = score.equal + score.refusals;
    const share = chat === 0 ? '-' : `${((100 * alike) / chat).toFixed(1)} %`;
    const others = [...score.elsewhere].map(([api, count]) => `${api} ${count}`).join(', ');
    return [score.file, score.rows, chat, score.equal, score.refusals, score.excepted.length, score.wrong.length, share, others].map(
      String,
    );
  });
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map(line => line[column]!.length)));
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 || column === head.length - 1 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  const excepted = scores.flatMap(({ file, excepted }) => excepted.map(({ id, reason }) => `  ${file} ${id}: ${reason}`));
  const wrong = scores.flatMap(({ file, wrong }) => wrong.map(({ id, why }) => `  ${file} ${id}: ${why}`));
  return [
    row(head),
    ...lines.map(row),
    ...(excepted.length > 0 ? ['', `excepted (${excepted.length}):`, ...excepted] : []),
    ...(wrong.length > 0 ? ['', `wrong (${wrong.length}):`, ...wrong] : []),
  ].join('\n');
}
