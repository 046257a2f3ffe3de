import { copyFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import type { OwnSession } from '../../../recorder/engine/session/own-session.ts';
import { Rollups } from '../../../recorder/rollups/rollups.ts';
import { type RollupPort, Shipper } from '../../../recorder/ship/shipper.ts';
import { migrate } from '../../../recorder/store/migrate.ts';
import type { RowStore, Store } from '../../../recorder/store/store.ts';
import { type Folder, plainExchange, temporaryFolder } from '../plain-exchange.ts';
import { engineMissing, startTestEngine } from '../running-engine.ts';
import { type Form, writeSegment } from '../segments.ts';

const dayMs = 86_400_000;
const noon = Math.floor(Date.now() / dayMs) * dayMs - dayMs / 2;

/** Of two tenants, several models and outcomes, some replayed; one minute or many. */
const exchanges = (count: number, from: number, stepMs = 1_000): readonly Exchange[] =>
  Array.from({ length: count }, (_, i) => {
    const plain = plainExchange({ receivedAt: from + i * stepMs });
    const [attempt] = plain.attempts;
    const failed = { ...attempt!, number: 2, outcome: 'timeout', kind: 'fallback', model: 'large' } as const;
    return {
      ...plain,
      caller: { ...plain.caller, tenant: i % 3 === 0 ? 'acme' : 'default', user: `u${i % 5}` },
      endedAt: plain.receivedAt + 10 + i,
      attempts: i % 4 === 0 ? [attempt!, failed] : [attempt!],
      ...(i % 7 === 6 ? { run: 'r', arm: 'a', replayOf: plainExchange().id } : {}),
      ...(i % 5 === 4 ? { outcome: 'timeout', status: 504 } : {}),
    } as Exchange;
  });

const sums: Readonly<Record<string, string>> = {
  usage_1m: `SELECT tenant_id, minute, route, provider, model, outcome, sum(requests) AS requests, sum(attempts) AS attempts, sum(fallbacks) AS fallbacks,
sum(input_tokens) AS input, sum(cost_usd) AS cost, sum(cache_hits) AS hits, sum(unpriced) AS unpriced, sum(latency_sum_ms) AS latency_sum,
max(max_latency_ms) AS slowest, quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(latency) AS latency FROM usage_1m GROUP BY ALL ORDER BY ALL`,
  usage_1h: `SELECT tenant_id, hour, provider, model, outcome, sum(requests) AS requests, sum(cost_usd) AS cost, uniqCombined64Merge(12)(users) AS users,
quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(ttft) AS ttft FROM usage_1h GROUP BY ALL ORDER BY ALL`,
  attempts_1m: `SELECT tenant_id, minute, provider, model, kind, outcome, sum(attempts) AS attempts, sum(cost_usd) AS cost,
quantilesTDigestMerge(0.5, 0.95, 0.99)(duration) AS duration FROM attempts_1m GROUP BY ALL ORDER BY ALL`,
};

const read = async (store: Store): Promise<Record<string, unknown>> =>
  Object.fromEntries(await Promise.all(Object.entries(sums).map(async ([table, sql]) => [table, await store.select(sql)] as const)));

describe.skipIf(engineMissing)(`rollups of the embedded engine${engineMissing}`, { timeout: 60_000 }, () => {
  async function ship(root: string, store: RowStore, rollups?: RollupPort): Promise<void> {
    const shipper = new Shipper({
      root,
      store,
      retention: { records: 90, payloads: 30 },
      verify: true,
      log: line => expect.fail(line),
      pollMs: 5,
      ...(rollups ? { rollups } : {}),
    });
    await shipper.flush();
    expect(readdirSync(join(root, 'writer')).filter(name => name.endsWith('.seg'))).toEqual([]);
    await shipper.close(5_000);
  }

  /** Dies with an error after so many inserts into rollups. */
  const dyingAfter = (inserts: number, session: OwnSession): OwnSession => {
    let left = inserts;
    return {
      select: (query: string) => session.select(query),
      command: (statement: string) => session.command(statement),
      insertSelect: (head: string, select: string, token: string) => {
        if (left-- <= 0) throw new Error('killed');
        return session.insertSelect(head, select, token);
      },
    } as unknown as OwnSession;
  };

  it('are those of the views: also of late segments, of repeated ones, and when the recorder dies in the middle', async () => {
    using source = temporaryFolder();
    using target = temporaryFolder();
    const [first, late, second, third, fourth] = [
      exchanges(40, noon),
      exchanges(60, noon - 3 * dayMs, 1_800_000),
      exchanges(30, noon + 20_000, 10),
      exchanges(10, noon + 1),
      exchanges(10, noon + 2),
    ].map((records, i) => writeSegment(source.path, records, noon + i));
    const put = (path: string): void => {
      mkdirSync(join(target.path, 'writer'), { recursive: true });
      copyFileSync(path, join(target.path, 'writer', basename(path)));
    };

    const byViews = await startTestEngine();
    await migrate(byViews.writer);
    for (const path of [first!, late!, second!, third!, fourth!]) put(path);
    await ship(target.path, byViews.writer);
    const expected = await read(byViews.writer);
    await byViews.close();

    const byDeltas = await startTestEngine();
    await migrate(byDeltas.writer, { views: false });
    const { session } = byDeltas;
    const ledger = join(target.path, 'rollups.sqlite');
    const note = (rollups: Rollups): RollupPort => ({ add: batch => rollups.add(batch), afterPass: async () => {}, run: async () => {} });
    let rollups = await Rollups.open(session, ledger);
    put(first!);
    await ship(target.path, session, rollups);
    // Late, over many hours; then one that is counted and one that is only noted come again.
    put(late!);
    put(second!);
    await ship(target.path, session, note(rollups));
    put(first!);
    put(second!);
    await ship(target.path, session, note(rollups));
    rollups.close();
    // It dies after one table of three, then after two; what comes meanwhile belongs to another range.
    for (const [inserts, more] of [third!, fourth!].entries()) {
      rollups = await Rollups.open(dyingAfter(inserts + 1, session), ledger);
      await expect(rollups.run()).rejects.toThrow('killed');
      rollups.close();
      rollups = await Rollups.open(session, ledger);
      put(more);
      await ship(target.path, session, note(rollups));
      rollups.close();
    }
    rollups = await Rollups.open(session, ledger);
    await rollups.run();
    put(first!);
    await ship(target.path, session, rollups);
    rollups.close();
    const found = await read(byDeltas.writer);
    await byDeltas.close();
    expect(found).toEqual(expected);
    expect(expected.usage_1m).not.toEqual([]);
  });

  it('take over from the views of version 0.1.0, whose segments those have counted in part', async () => {
    const engine = await startTestEngine();
    await migrate(engine.writer);
    using folder: Folder = temporaryFolder();
    const put = (count: number, form: Form): string => writeSegment(folder.path, exchanges(count, Date.now() - 1_000, 1), Date.now(), form);
    const old = put(20, 'json');
    copyFileSync(old, `${old}.copy`);
    await ship(folder.path, engine.writer);
    // 0.1.0 died before it removed the segment.
    renameSync(`${old}.copy`, old);
    put(7, 'json');
    const rollups = await Rollups.open(engine.session, join(folder.path, 'rollups.sqlite'));
    await ship(folder.path, engine.session, rollups);
    expect(await engine.writer.select("SELECT name FROM system.tables WHERE engine = 'MaterializedView'")).toEqual([]);
    put(5, 'packed');
    await ship(folder.path, engine.session, rollups);
    rollups.close();
    const [live] = await engine.writer.select<{ n: number }>("SELECT count() AS n FROM requests WHERE run_id = ''");
    const [counted] = await engine.writer.select<{ n: number }>('SELECT sum(requests) AS n FROM usage_1m');
    expect(counted).toEqual(live);
    expect(Number(live!.n)).toBe(32 - 2 - 1);
    await engine.close();
  });
});
