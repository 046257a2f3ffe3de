/** `npm run agents`: every agent at every target, as a table with reasons. */
import { formatMatrix, type Row, rowOf, startBench } from './matrix.ts';
import { targetNames } from './strict-target.ts';
import { transcripts } from './transcripts.ts';

await using bench = await startBench();
const rows: { readonly agent: string; readonly target: string; readonly row: Row }[] = [];
for (const transcript of transcripts) {
  for (const target of targetNames) rows.push({ agent: transcript.name, target, row: await rowOf(bench, transcript, target) });
}
console.log(formatMatrix(rows));
process.exitCode = rows.some(({ row }) => Object.values(row).some(({ mark }) => mark === 'X')) ? 1 : 0;
