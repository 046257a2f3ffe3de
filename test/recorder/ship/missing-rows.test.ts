import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Shipper } from '../../../recorder/ship/shipper.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { migrate } from '../../../recorder/store/migrate.ts';
import type { RowStore, Store } from '../../../recorder/store/store.ts';
import { newId, plainExchange, temporaryFolder } from '../plain-exchange.ts';
import { engineMissing, startTestEngine, type TestEngine } from '../running-engine.ts';

describe.skipIf(engineMissing)(`what was acknowledged is looked for${engineMissing}`, { timeout: 60_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer, { views: false });
  });
  afterAll(() => engine.close());

  /** Says yes to the first insert into a table, or to all, and forgets it. */
  const forgetful = (table: string, always = false): Pick<Store, 'insertBinary' | 'select'> => {
    let forgotten = 0;
    return {
      select: (query, params) => engine.writer.select(query, params),
      insertBinary: async (into, columns, body, token) => {
        if (into === table && (always || forgotten++ === 0)) return;
        await engine.writer.insertBinary(into, columns, body, token);
      },
    };
  };

  async function shipped(store: RowStore): Promise<{ ids: readonly string[]; root: string; lines: readonly string[]; rejected: number }> {
    const folder = temporaryFolder();
    const spool = openSpool(join(folder.path, 'w'), { durability: 'process', whenFull: 'refuse', bytesMax: 2 ** 22, root: folder.path });
    const exchanges = [plainExchange(), plainExchange({ run: 'r', arm: 'a', replayOf: newId() }), plainExchange()];
    for (const exchange of exchanges) await spool.record(exchange);
    await spool.feedback!({
      request: exchanges[0]!.id,
      tenant: 'default',
      scores: [
        { id: newId(), name: 'q', source: 'client', value: 1, label: '', explanation: '', evaluator: '', at: exchanges[0]!.receivedAt },
      ],
    });
    await spool.close();
    const lines: string[] = [];
    const shipper = new Shipper({
      root: folder.path,
      store,
      retention: { records: 90, payloads: 30 },
      verify: true,
      log: line => lines.push(line),
      pollMs: 5,
    });
    await expect.poll(() => readdirSync(join(folder.path, 'w')).filter(name => name.endsWith('.seg')), { timeout: 15_000 }).toEqual([]);
    await shipper.close(5_000);
    const { rejected } = shipper.stats;
    folder[Symbol.dispose]();
    return { ids: exchanges.map(({ id }) => id), root: folder.path, lines, rejected };
  }

  test.each(['requests', 'attempts', 'payloads', 'replay_results', 'scores'])(
    'rows of %s that are not there are inserted again, and each is there once',
    async table => {
      const { ids, lines, rejected } = await shipped(forgetful(table));
      expect(lines.join('\n')).toMatch(new RegExp(`the store acknowledged \\d records of \\w+ in ${table} and does not have them`));
      expect(rejected).toBe(0);
      const list = ids.map(id => `'${id}'`).join(', ');
      const [row] = await engine.writer.select(`SELECT
      (SELECT count() FROM requests WHERE toString(request_id) IN (${list})) AS requests, (SELECT count() FROM attempts WHERE toString(request_id) IN (${list})) AS attempts,
      (SELECT count() FROM payloads WHERE toString(request_id) IN (${list})) AS payloads, (SELECT count() FROM replay_results WHERE replay_id IN (${list})) AS replays,
      (SELECT count() FROM scores WHERE toString(request_id) IN (${list})) AS scores`);
      expect(row).toEqual({ requests: 3, attempts: 3, payloads: 6, replays: 1, scores: 1 });
    },
  );

  /** The engine itself, which has seen a table's token before, as after a kill between token and rows. */
  const repeating = (table: string): RowStore & { readonly queries: string[] } => {
    const { session } = engine;
    const queries: string[] = [];
    return {
      queries,
      insertCounts: () => session.insertCounts(),
      select: query => {
        queries.push(query);
        return session.select(query);
      },
      insertBinary: async (into, columns, body, token) => {
        if (into === table && !token.includes('.again'))
          await session.insertSelect('attempts (ts, run_id)', "SELECT now64(3), 'another'", token);
        await session.insertBinary(into, columns, body, token);
      },
    };
  };

  test('rows whose token the embedded engine took for a repetition are inserted again', async () => {
    const { ids, lines, rejected } = await shipped(repeating('attempts'));
    expect(lines.join('\n')).toMatch(/the store acknowledged 3 records of \w+ in attempts and does not have them/);
    expect(rejected).toBe(0);
    const list = ids.map(id => `'${id}'`).join(', ');
    const [row] = await engine.writer.select(`SELECT count() AS n FROM attempts WHERE toString(request_id) IN (${list})`);
    expect(row).toEqual({ n: 3 });
  });

  test('a batch whose rows the embedded engine counted as written is asked for by no further statement', async () => {
    const store = repeating('');
    const { ids, lines } = await shipped(store);
    expect({ lines, queries: store.queries }).toEqual({ lines: [], queries: [] });
    const list = ids.map(id => `'${id}'`).join(', ');
    const [row] = await engine.writer.select(`SELECT count() AS n FROM payloads WHERE toString(request_id) IN (${list})`);
    expect(row).toEqual({ n: 6 });
  });

  test('what the store never takes is set aside, and the rest goes on', async () => {
    const { lines, rejected } = await shipped(forgetful('payloads', true));
    expect(rejected).toBe(3);
    expect(lines.join('\n')).toContain('is set aside');
  });
});
