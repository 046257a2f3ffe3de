import { existsSync, globSync, rmSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../recorder/engine/server.ts';
import { ClockWatch, statsOf } from '../../recorder/process/health.ts';
import { engineMissing, startTestEngine, temporaryFolder } from '../recorder/running-engine.ts';
import { report } from './report.ts';

const partFiles = (path: string, name: string): readonly string[] => globSync(`${path}/store/*/*/all_*/${name}`);

describe.skipIf(engineMissing)(`Damage to the store${engineMissing}`, () => {
  it.each([
    ['a file of a part is cut short', 'damaged and set aside', (file: string) => truncateSync(file, 3)],
    ['a part is gone', 'gone from its folder', (file: string) => rmSync(dirname(file), { recursive: true })],
  ] as const)('is told with the number of rows when %s', async (_, words, damage) => {
    const path = temporaryFolder();
    const first = await startTestEngine({ path });
    await first.writer.command('CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
    await first.writer.insert('t', [{ id: 1 }, { id: 2 }, { id: 3 }]);
    await first.close();
    const [file] = partFiles(path, 'count.txt');
    damage(file!);
    const second = await startEngine({ path, host: '127.0.0.1', port: 0, writerKey: 'k' });
    expect(second.damage).toEqual([expect.stringMatching(new RegExp(`table t .*${words}.*3 rows are missing|table t .*${words}`))]);
    await second.close();
    report('damaged parts', second.damage.join('; '));
  });

  it('is not claimed when parts were merged or dropped on purpose', async () => {
    const path = temporaryFolder();
    const first = await startTestEngine({ path });
    for (const table of ['kept', 'dropped']) {
      await first.writer.command(`CREATE TABLE ${table} (id UInt64) ENGINE = MergeTree ORDER BY id`);
      for (const id of [1, 2, 3]) await first.writer.insert(table, [{ id }]);
    }
    await first.writer.command('OPTIMIZE TABLE kept FINAL');
    await first.writer.command('DROP TABLE dropped SYNC');
    await first.close();
    expect(existsSync(`${path}/hindcast-parts.json`)).toBe(true);
    const second = await startEngine({ path, host: '127.0.0.1', port: 0, writerKey: 'k' });
    expect(second.damage).toEqual([]);
    await second.close();
  });
});

const ship = {
  ...{ queueBytes: 0, queueSegments: 0, oldestSeconds: 0, rowsWritten: 0, exchangesWritten: 0, torn: 0, corrupt: 0, rejected: 0 },
  problem: undefined,
};
const calm = { overrun: 0, stuck: 0 };

describe('the warnings of the recorder', () => {
  it('are none while everything is well', () => expect(statsOf(ship, calm, [], []).warnings).toEqual([]));

  it('name a store that takes nothing, a segment that ages, spoiled records and statements that do not end', () => {
    const troubled = { ...ship, problem: 'the store is away', oldestSeconds: 31, queueSegments: 2, torn: 1, corrupt: 2 };
    expect(statsOf(troubled, { overrun: 1, stuck: 1 }, ['a part is gone'], ['the clock moved']).warnings).toEqual([
      'the store is away',
      'the oldest record that is not in the store yet waits since 31 s (2 segments)',
      '3 records of the spool were spoiled on disk and are lost',
      "1 readers' statements do not end; they hold readers' places only",
      'a part is gone',
      'the clock moved',
    ]);
  });
});

describe('the watch on the clock', () => {
  it('tells by how much it was set, once, and nothing of small corrections', () => {
    const clock = new ClockWatch(1_000_000, 0);
    expect(clock.look(1_001_000, 1_000)).toBe(0);
    expect(clock.look(1_007_000, 2_000)).toBe(0);
    expect(clock.look(4_603_000, 3_000)).toBe(3_600_000);
    expect(clock.look(4_604_000, 4_000)).toBe(0);
    expect(clock.look(1_005_000, 5_000)).toBe(-3_600_000);
  });
});
