/** `npm run graph`: prints the imports between folders as text and as a Mermaid diagram, from top to bottom. Exits with 1 when there is a ring. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { layerOf, layers } from '../test/layers.ts';
import { importRings, targetOf } from '../test/rules.ts';
import { SourceReader } from '../test/sources.ts';

const root = resolve(import.meta.dirname, '..');
const folders = 'statistics,gateway,recorder,replay,eval,dashboards';
const paths = globSync(`{${folders}}/**/*.{ts,tsx}`, { cwd: root, exclude: ['**/dist/**'] }).map(path => path.replaceAll('\\', '/'));
// A reader such as `head` may close the pipe.
process.stdout.on('error', () => process.exit());
using reader = new SourceReader();
const sources = reader.read(Object.fromEntries(paths.map(path => [path, readFileSync(join(root, path), 'utf8')])));

/** The imported folders of each folder. */
const imports = new Map<string, Set<string>>();
for (const source of sources) {
  const from = layerOf(source.path);
  if (from === undefined) continue;
  const known = imports.get(from) ?? new Set<string>();
  for (const specifier of source.imports) {
    const to = layerOf(targetOf(source.path, specifier));
    if (to !== undefined && to !== from) known.add(to);
  }
  imports.set(from, known);
}

const reaches = (from: string, to: string): boolean => [...(imports.get(from) ?? [])].some(next => next === to || reaches(next, to));

/** Without the edges that a longer way implies; the gateway's composition root hands in the recorder and is left out. */
function directEdges(from: string): readonly string[] {
  const targets = [...(imports.get(from) ?? [])].filter(to => layers.indexOf(to) < layers.indexOf(from));
  return targets.filter(to => !targets.some(other => other !== to && reaches(other, to)));
}

const topDown = layers.filter(layer => imports.has(layer)).toReversed();
const id = (folder: string): string => folder.replaceAll(/[^a-z]/g, '_');
const width = Math.max(...topDown.map(folder => folder.length));
for (const folder of topDown) {
  const below = layers.filter(layer => imports.get(folder)!.has(layer)).toReversed();
  process.stdout.write(`${folder.padEnd(width)}  ${below.join(' ') || '-'}\n`);
}
process.stdout.write('\nflowchart TD\n');
for (const [group, members] of Map.groupBy(topDown, folder => folder.split('/')[0]!)) {
  process.stdout.write(`  subgraph ${group}_ [${group}]\n${members.map(folder => `    ${id(folder)}["${folder}"]\n`).join('')}  end\n`);
}
for (const folder of topDown) for (const to of directEdges(folder)) process.stdout.write(`  ${id(folder)} --> ${id(to)}\n`);

const rings = importRings(sources);
for (const ring of rings) process.stderr.write(`ring: ${ring}\n`);
process.exitCode = rings.length > 0 ? 1 : 0;
