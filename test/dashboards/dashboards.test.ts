/** Every panel has a description, and the committed dashboards are those that the code builds. */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { boards } from '../../dashboards/boards/index.ts';
import { builtFiles, textOf } from '../../dashboards/build.ts';
import { outcomes } from '../../dashboards/variables.ts';
import { SourceReader } from '../sources.ts';

const panels = boards.flatMap(board => board.panels);
const folder = join(import.meta.dirname, '../../dashboards');
const textsOf = (pattern: string): readonly (readonly [name: string, text: string])[] =>
  globSync(pattern, { cwd: folder }).map(name => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]);

describe('dashboards', () => {
  test('are committed as the code builds them (npm run dashboards)', () => {
    for (const { path, text } of builtFiles()) expect(readFileSync(path, 'utf8'), path).toBe(text);
    expect(readdirSync(join(folder, 'grafana'))).toHaveLength(boards.length);
    expect(new Set(boards.map(({ uid }) => uid)).size).toBe(boards.length);
  });

  test.each(panels)('describe "$title" and its unit', ({ title, description, unit }) => {
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
    expect(unit).not.toBe('');
  });

  test('show every query once', () => {
    const files = globSync('**/*.{sql,promql}', { cwd: join(folder, 'queries') }).map(name => name.replaceAll('\\', '/'));
    expect(panels.map(panel => panel.query as string).sort()).toEqual(files.sort());
  });

  test.each(boards)('$title has the variables that its queries use, and no other', ({ panels, variables }) => {
    const text = panels.map(({ query }) => textOf(query)).join('\n');
    const sources = panels.map(({ query }) => (query.endsWith('.sql') ? 'datasource' : 'prometheus'));
    const used = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    // These two are used by the links of ids.
    const linked = variables.filter(name => name === 'console' || name === 'traces');
    expect(new Set([...sources, ...used, ...linked])).toEqual(new Set(variables));
  });

  test('fill the width of 24 columns without overlap', () => {
    for (const { path, text } of builtFiles()) {
      const taken = new Set<string>();
      for (const { gridPos } of JSON.parse(text).panels) {
        expect(gridPos.x + gridPos.w, path).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.has(`${x},${y}`), `${path} at ${x},${y}`).toBe(false);
            taken.add(`${x},${y}`);
          }
        }
      }
    }
  });

  test('offer the outcomes that are recorded', () => {
    const schema = readFileSync(join(folder, '../recorder/store/schema/001_records.sql'), 'utf8');
    const recorded = /^\s+outcome\s+Enum8\((.*)\)/m.exec(schema)![1]!;
    expect([...recorded.matchAll(/'(\w+)'/g)].map(([, name]) => name)).toEqual([...outcomes]);
  });

  test('are provisioned with data sources of the types they use', () => {
    const sources = textsOf('provisioning/datasources/*.yaml').flatMap(([, text]) => parse(text).datasources as { type: string }[]);
    expect(sources.map(({ type }) => type).sort()).toEqual(['grafana-clickhouse-datasource', 'prometheus']);
    const [[, text] = ['', '']] = textsOf('provisioning/dashboards/*.yaml');
    expect(parse(text).providers[0].options.path).toMatch(/dashboards\/grafana$/);
  });
});

test('the boards import nothing of the other folders', () => {
  using reader = new SourceReader();
  const boardSources = textsOf('**/*.ts').filter(([name]) => !name.startsWith('console/'));
  const imports = reader.read(Object.fromEntries(boardSources)).flatMap(source => source.imports);
  expect(imports.length).toBeGreaterThan(10);
  expect(imports.filter(name => !/^(node:|\.\/|\.\.\/(board|json)\.ts$)/.test(name))).toEqual([]);
});
