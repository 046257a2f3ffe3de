/** Every query of a panel or a variable runs in the real engine with the read-only account, and returns the recorded traffic. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Panel } from '../../dashboards/board.ts';
import { boards } from '../../dashboards/boards/index.ts';
import { textOf } from '../../dashboards/build.ts';
import { filterColumns } from '../../dashboards/filters.ts';
import { expandMacros, type QueryContext } from '../../dashboards/macros.ts';
import { changesQuery, variableQueries } from '../../dashboards/variables.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { engineMissing, startTestEngine, type TestEngine } from '../recorder/running-engine.ts';
import { nanoUsd, run, saved, seed } from './seed.ts';

type Row = Readonly<Record<string, unknown>>;

const now = Date.now();
const seconds = Math.floor(now / 1000);
const minute = 60_000;
const everything: QueryContext = {
  from: seconds - 86_400,
  to: seconds + 60,
  intervalSeconds: 60,
  variables: {
    ...Object.fromEntries(Object.keys(filterColumns).map(name => [name, 'all' as const])),
    ...{ outcome: 'all', run: [run], tag: [''] },
  },
};
const panels: readonly Panel[] = boards.flatMap(board => board.panels).filter(({ query }) => query.endsWith('.sql'));

describe.skipIf(engineMissing !== '')(`dashboards over a store with traffic${engineMissing}`, () => {
  let engine: TestEngine;
  let live: readonly Exchange[];
  let imported: string;
  const rows = (query: string, chosen: Partial<QueryContext['variables']> = {}): Promise<Row[]> =>
    engine.reader.select(
      expandMacros(textOf(query), { ...everything, variables: { ...everything.variables, ...chosen } as QueryContext['variables'] }),
    );
  const value = async (query: string): Promise<number> => Number(Object.values((await rows(query))[0]!)[0]);

  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer);
    for (const { query } of panels) await expect(rows(query), `${query} of an empty store`).resolves.toBeInstanceOf(Array);
    ({ live, imported } = await seed(engine.writer, now));
  });
  afterAll(() => engine?.close());

  test.each(panels)('$query fills "$title"', async panel => {
    const found = await rows(panel.query);
    expect(found.length).toBeGreaterThan(0);
    for (const row of found) expect(row, panel.query).toSatisfy((row: Row) => fits(panel, row));
  });

  test('every query accepts selected tenants and outcomes, whatever their names', async () => {
    for (const { query } of panels) {
      await expect(rows(query, { tenant: ["acme's", 'b\\\\'], outcome: ['ok', 'timeout'] }), query).resolves.toBeInstanceOf(Array);
    }
  });

  test.each(Object.entries(variableQueries))('the variable %s has values', async (_, sql) => {
    expect((await engine.reader.select(expandMacros(sql, everything))).length).toBeGreaterThan(0);
  });

  test('replayed traffic is in no sum of live traffic', async () => {
    const spent = live.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0) / 1e9;
    expect(await value('cost/spend.sql')).toBeCloseTo(spent, 12);
    expect(await value('cost/per_request.sql')).toBeCloseTo(spent / live.length, 11);
    for (const query of ['latency/outcomes.sql', 'routing/targets.sql', 'routing/depth.sql', 'tenants/overview.sql']) {
      const counted = (await rows(query)).reduce((sum, row) => sum + Number(row.requests), 0);
      expect(counted, query).toBe(live.length);
    }
    expect(await rows('latency/requests.sql')).toHaveLength(live.length);
  });

  test('requests without a price, repeated prompts and threshold effects are counted', async () => {
    expect(await value('cost/unpriced.sql')).toBe(1);
    expect(await value('cache/saved.sql')).toBeCloseTo(saved / 1e9, 12);
    expect((await rows('routing/waits.sql')).map(({ queued, held }) => [queued, held])).toContainEqual([40, 25]);
    expect((await rows('cache/hits.sql')).some(row => Number(row.hits) > 0)).toBe(true);
    expect(await value('cache/repeated_cost.sql')).toBeCloseTo((2 * nanoUsd.small) / 1e9, 12);
    expect(await value('cache/repeated_share.sql')).toBeCloseTo(2 / 9, 6);
    const below = Object.fromEntries((await rows('routing/thresholds.sql')).map(row => [row.threshold, Number(row.below)]));
    expect(below['0.4']).toBe(0);
    expect(below['0.45']).toBeCloseTo(1 / 8, 6);
    expect(below['0.95']).toBe(1);
  });

  test('every filter selects, a tag too, and marks show each configuration', async () => {
    const count = async (chosen: QueryContext['variables']): Promise<number> =>
      Number((await rows('home/requests.sql', chosen))[0]!.requests);
    expect(await count({})).toBe(live.length);
    expect(await count({ tenant: ["acme's"] })).toBe(3);
    expect(await count({ key: ['acme-ci'], route: ['smart'] })).toBe(3);
    for (const name of Object.keys(filterColumns)) expect(await count({ [name]: ['no such thing'] }), name).toBe(0);
    const tagged = live.filter(({ caller }) => caller.tags?.team === 'search').length;
    expect(await count({ tag: ['team=search'] })).toBe(tagged);
    expect(await count({ tag: ["team=o'hara=x"] })).toBe(0);
    const marks = await engine.reader.select<Row>(expandMacros(changesQuery, everything));
    expect(marks.length).toBe(new Set(live.map(({ configHash }) => configHash)).size);
  });

  test('spend is compared with the period before', async () => {
    const half = { ...everything, from: seconds - 45 * 60, to: seconds + 60 };
    const periods = await engine.reader.select<Row>(expandMacros(textOf('spend/with_previous.sql'), half));
    const sum = (period: string): number =>
      periods.filter(row => row.period === period).reduce((total, row) => total + Number(row.cost), 0);
    const spent = (from: number, to: number): number =>
      live
        .filter(({ receivedAt }) => receivedAt >= now - from && receivedAt < now - to)
        .reduce((total, { costNanoUsd = 0 }) => total + costNanoUsd, 0) / 1e9;
    expect(sum('this period')).toBeCloseTo(spent(45 * minute, 0), 9);
    expect(sum('previous period')).toBeCloseTo(spent(91 * minute, 45 * minute), 9);
  });

  test('a selected tenant excludes the others', async () => {
    const [row, ...others] = await rows('tenants/overview.sql', { tenant: ["acme's"] });
    expect(others).toEqual([]);
    expect(row).toMatchObject({ tenant_id: "acme's", requests: 3, users: 1 });
    expect(Number(row!.failed)).toBeCloseTo(1 / 3, 6);
  });

  test('the arms of a run are compared with the originals', async () => {
    expect(await rows('replay/originals.sql')).toMatchObject([
      { arm: 'sim/large', results: 3, live_cost: nanoUsd.small / 1e9, cost: nanoUsd.large / 1e9 },
      { arm: 'sim/small', results: 3, live_cost: nanoUsd.small / 1e9 },
    ]);
    const [large, small] = await rows('replay/arms.sql');
    expect([large!.answered, large!.quality]).toEqual([1, null]);
    expect(small!.answered).toBeCloseTo(2 / 3, 6);
    expect(small!.cost).toBeCloseTo(nanoUsd.small / 1e9, 12);
    expect(await rows('replay/arms.sql', { run: [imported] })).toMatchObject([{ arm: 'other/model', quality: 0.75, cost: 0.25 }]);
  });
});

/** A result that the panel type can draw. */
function fits(panel: Panel, row: Row): boolean {
  const [first, ...rest] = Object.keys(row);
  const isNumber = (name: string | undefined): boolean => name !== undefined && Number.isFinite(Number(row[name])) && row[name] !== null;
  if (panel.type === 'stat') return rest.length === 0 && isNumber(first);
  if (panel.type === 'barchart') return rest.length === 1 && typeof row[first!] === 'string' && isNumber(rest[0]);
  if (panel.type === 'timeseries') return first === 'time' && isNumber(rest.at(-1));
  return Object.keys(panel.columns ?? {}).every(name => name in row);
}
