/** `npm run agents`: every agent at every target, as a table with reasons. `--programs` plays Claude Code and Codex themselves too, and installs them. */
import { formatMatrix, type Row, rowOf, startBench } from './matrix.ts';
import { programs } from './programs.ts';
import { targetNames } from './strict-target.ts';
import { scriptedAgents } from './transcripts.ts';

await using bench = await startBench();
const found = process.argv.includes('--programs')
  ? programs(true)
  : { agents: [], missing: ['--programs plays Claude Code and Codex themselves'] };
const rows: { readonly agent: string; readonly target: string; readonly row: Row }[] = [];
for (const agent of [...scriptedAgents(), ...found.agents]) {
  for (const target of targetNames) rows.push({ agent: agent.name, target, row: await rowOf(bench, agent, target) });
}
console.log(formatMatrix(rows));
for (const reason of found.missing) console.log(reason);
process.exitCode = rows.some(({ row }) => Object.values(row).some(({ mark }) => mark === 'X')) ? 1 : 0;
