import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repairDeduplicationLogs } from '../../../recorder/engine/deduplication-repair.ts';
import { columnsOf } from '../../../recorder/rows/tables.ts';
import { migrate } from '../../../recorder/store/migrate.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { rowsOf } from '../encoded-rows.ts';
import { plainExchange, temporaryFolder } from '../plain-exchange.ts';
import { engineMissing, startTestEngine } from '../running-engine.ts';

const attemptsOf = rowsOf(plainExchange(), { records: 90, payloads: 30 }).attempts.bytes;
const columns = columnsOf('attempts').map(({ name }) => name);
const insert = (store: Store, token: string) => store.insertBinary('attempts', columns, attemptsOf, token);
const rows = async (store: Store): Promise<number> =>
  Number((await store.select<{ n: number }>('SELECT count() AS n FROM attempts'))[0]!.n);
const partsOf = (store: Store) =>
  store.select<{ path: string }>("SELECT path FROM system.parts WHERE table = 'attempts' AND active AND rows > 0");

async function within(path: string, work: (store: Store) => Promise<void>): Promise<void> {
  const engine = await startTestEngine({ path });
  try {
    await migrate(engine.writer);
    await work(engine.writer);
  } finally {
    await engine.close();
  }
}

describe.skipIf(engineMissing)(`an engine that was killed in the middle of an insert${engineMissing}`, () => {
  it('takes the insert again, though it had noted its token already', async () => {
    using folder = temporaryFolder();
    let part = '';
    await within(folder.path, async store => {
      await insert(store, 'first');
      part = (await partsOf(store))[0]!.path;
    });
    // As a kill leaves it between the token and the part.
    rmSync(part, { recursive: true });
    await within(folder.path, async store => {
      await insert(store, 'first');
      expect(await rows(store), 'the engine alone ignores it').toBe(0);
    });
    expect(repairDeduplicationLogs(folder.path)).toBe(1);
    await within(folder.path, async store => {
      await insert(store, 'first');
      await insert(store, 'first');
      expect(await rows(store)).toBe(1);
    });
  });

  it('still knows the tokens of parts that were merged', async () => {
    using folder = temporaryFolder();
    await within(folder.path, async store => {
      await insert(store, 'first');
      await insert(store, 'second');
      await store.command('OPTIMIZE TABLE attempts FINAL');
      expect(await partsOf(store)).toHaveLength(1);
    });
    expect(repairDeduplicationLogs(folder.path)).toBe(0);
    await within(folder.path, async store => {
      const before = await rows(store);
      await insert(store, 'second');
      expect(await rows(store)).toBe(before);
    });
  });
});

describe("an engine's folder", () => {
  it('may be new', () => {
    using folder = temporaryFolder();
    expect(repairDeduplicationLogs(join(folder.path, 'not-there'))).toBe(0);
    expect(repairDeduplicationLogs(folder.path)).toBe(0);
  });

  it('keeps every line that is not about a lost part', () => {
    using folder = temporaryFolder();
    const table = join(folder.path, 'store', 'abc', 'abc-def');
    mkdirSync(join(table, 'deduplication_logs'), { recursive: true });
    mkdirSync(join(table, '30-20261124_1_4_2'));
    mkdirSync(join(table, 'tmp_insert_30-20261124_6_6_0'));
    const log = join(table, 'deduplication_logs', 'deduplication_log_1.txt');
    const line = (part: string, what = 1) => `${what}\t${part}\t${part}_token`;
    const kept = [line('30-20261124_1_1_0'), line('30-20261124_4_4_0'), line('30-20261123_2_2_0', 2), 'something else'];
    writeFileSync(log, [...kept, line('30-20261124_6_6_0'), line('90-20261124_2_2_0'), ''].join('\n'));
    expect(repairDeduplicationLogs(folder.path)).toBe(2);
    expect(readFileSync(log, 'utf8')).toBe(`${kept.join('\n')}\n`);
    expect(readdirSync(join(table, 'deduplication_logs'))).toEqual(['deduplication_log_1.txt']);
  });
});
