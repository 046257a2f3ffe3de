/** `npm run faults`: runs the fault matrix and prints every outcome; fails when one differs from STREAMS 3.1. */
import Table from 'cli-table3';
import { type Cell, cells, type Outcome } from './matrix.ts';

const inParallel = 8;

async function runAll(): Promise<ReadonlyMap<Cell, Outcome>> {
  const seen = new Map<Cell, Outcome>();
  const left = cells.values();
  const work = async (): Promise<void> => {
    for (const cell of left) seen.set(cell, await cell.run().catch((problem: Error): Outcome => `error ${problem.message}`));
  };
  await Promise.all(Array.from({ length: inParallel }, work));
  return seen;
}

const columns = [...new Set(cells.map(cell => cell.format))];
const started = performance.now();
const seen = await runAll();
const table = new Table({ head: ['fault', 'phase', ...columns], style: { head: [], border: [] } });
let wrong = 0;
for (const row of Map.groupBy(cells, cell => `${cell.fault}\n${cell.phase}`).values()) {
  table.push([
    row[0]!.fault,
    row[0]!.phase,
    ...columns.map(form => {
      const cell = row.find(one => one.format === form);
      if (!cell) return '';
      const verdict = seen.get(cell)!;
      if (verdict === cell.expected) return verdict;
      wrong++;
      return `WRONG: ${verdict}, not ${cell.expected}`;
    }),
  ]);
}
process.stdout.write(`${table.toString()}\n`);
process.stdout.write(`
replaced  the second provider's complete response, and nothing of the first one
complete  the first provider's complete response
broken    what came so far, one error event of this code, and no ending
error     an error with this status and code

${cells.length} cells, ${wrong} wrong, ${((performance.now() - started) / 1000).toFixed(1)} s
`);
process.exitCode = wrong === 0 ? 0 : 1;
