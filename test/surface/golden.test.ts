/** A folder that version 0.1.0 wrote (see make-golden.ts) is opened, shipped, resumed and read by this version. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CommandResult, type Gateway, Workspace } from '../hindcast.ts';
import { keyPaths } from './key-paths.ts';
import { runCommands } from './run-commands.ts';
import { traffic } from './traffic.ts';

const golden = resolve(import.meta.dirname, '../fixtures/store-0.1.0');
const read = <Value>(name: string): Value => JSON.parse(readFileSync(join(golden, name), 'utf8')) as Value;
const { run, killed, counts, stored, waiting } = read<{
  readonly run: string;
  readonly killed: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly stored: readonly string[];
  readonly waiting: readonly string[];
}>('expected.json');

const chain = '--chain sim/small,sim/large';
const always = '--since 2020-01-01';
const commands = [
  'store status --json',
  'store migrate --json',
  `store export -o exported.jsonl ${always} --payloads --json`,
  `replay status ${run} --json`,
  `replay status ${killed} --json`,
  `replay diff ${run} ${always} --json`,
  'replay dataset list --json',
  'replay dataset show golden@1 --json',
  'replay run --dataset golden@1 --against sim/small --mode cached --json',
  `replay run ${always} --route smart --against sim/large --mode simulated --json`,
  'replay plan --from records.jsonl --against sim/small --json',
  `replay resume ${killed} -j 16 --json`,
  'eval check certificate.json --outcomes outcomes.jsonl --json',
  'eval check certificate-of-more.json --outcomes outcomes.jsonl --json',
  `eval certify ${chain} --outcomes outcomes.jsonl --max-loss 10pp --max-errors 20% --manifest manifest.json --json`,
  'eval gate gate.yaml --json',
  `eval sweep ${chain} --outcomes snapshot.jsonl --json`,
  `eval sweep ${chain} --run ${run} ${always} --json`,
  `eval label --import labels.csv --run ${run} --by bea --json`,
  `eval score --scorer regex=a ${always} --dry-run --json`,
  `eval simulate --candidate hindcast.yaml --route smart ${always} --json`,
  'config check --config certified.yaml --json',
];

let place: Workspace;
let gateway: Gateway;
const results = new Map<string, CommandResult>();
/** Rows of the tables after the segments came once, and after they came again. */
const rowsAfter: Record<string, number>[] = [];
let shippedIds: readonly string[];

beforeAll(async () => {
  place = new Workspace();
  cpSync(golden, place.folder, { recursive: true });
  cpSync(join(golden, 'data'), join(place.folder, 'hindcast-data'), { recursive: true });
  unpack();
  place.write('certified.yaml', place.read('hindcast.yaml').replace('  smart:\n', '  smart:\n    certificate: certificate.json\n'));

  gateway = await place.serve();
  await shipped();
  shippedIds = await rows('SELECT toString(request_id) FROM requests ORDER BY request_id');
  rowsAfter.push(await countRows());
  expect(await gateway.end('SIGTERM')).toBe(0);

  // The same segments once more, as after a crash between the store's word and the removal of the file.
  unpack('spool');
  gateway = await place.serve();
  await shipped();
  rowsAfter.push(await countRows());
  const ended = await runCommands(
    place.folder,
    commands.map(line => line.split(' ')),
  );
  for (const [i, line] of commands.entries()) results.set(line, ended[i]!);
}, 120_000);
afterAll(() => place?.[Symbol.asyncDispose]());

/** The engine's folder and the spool, or one of them. */
function unpack(...names: readonly string[]): void {
  const input = zstdDecompressSync(readFileSync(join(golden, 'engine-and-spool.tar.zst')));
  execFileSync('tar', ['x', '-C', join(place.folder, 'hindcast-data'), ...names], { input });
}

const segments = (): readonly string[] =>
  readdirSync(join(place.folder, 'hindcast-data/spool'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.seg'));
const shipped = (): Promise<void> => vi.waitFor(() => expect(segments()).toEqual([]), { timeout: 30_000, interval: 50 });

async function rows(sql: string): Promise<readonly string[]> {
  const response = await fetch(gateway.storeUrl, { method: 'POST', body: sql });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text === '' ? [] : text.trimEnd().split('\n');
}

async function countRows(): Promise<Record<string, number>> {
  const tables = Object.keys(counts).filter(table => table !== 'audit');
  const found = await rows(tables.map(table => `SELECT '${table}', count() FROM ${table} FINAL`).join(' UNION ALL '));
  return Object.fromEntries(found.map(line => line.split('\t')).map(([table, count]) => [table!, Number(count)]));
}

/** What a command printed as JSON; `code` is what it must end with. */
function json<Value = Record<string, unknown>>(start: string, code = 0): Value {
  const [line, ended] = [...results].find(([line]) => line.startsWith(start))!;
  expect([ended.code, ended.code === code ? '' : ended.stderr], line).toEqual([code, '']);
  return JSON.parse(ended.stdout) as Value;
}

test('its sealed segments come into the store, and what was there before stays', () => {
  const [now] = rowsAfter;
  for (const id of [...stored, ...waiting])
    expect(
      shippedIds.filter(known => known === id),
      id,
    ).toEqual([id]);
  expect(new Set(shippedIds).size).toBe(shippedIds.length);
  const more = now!.requests! - counts.requests!;
  expect(more).toBeGreaterThanOrEqual(waiting.length);
  expect(now!.attempts).toBeGreaterThanOrEqual(counts.attempts! + waiting.length);
  expect(now!.payloads).toBeGreaterThanOrEqual(counts.payloads! + waiting.length);
  // Feedback came with each of the two segments.
  expect(now!.scores).toBeGreaterThan(counts.scores!);
  expect(now!.runs).toBe(readdirSync(join(golden, 'data/runs')).length);
});

test('segments that come again add nothing', () => expect(rowsAfter[1]).toEqual(rowsAfter[0]));

test('its tables are those of a new store once it has migrated', async () => {
  const listed = readFileSync(join(import.meta.dirname, 'lists/tables.txt'), 'utf8')
    .trimEnd()
    .split('\n');
  const columns = await rows(
    `SELECT trimRight(table || '.' || name || ' ' || type || ' ' || default_kind || ' ' || default_expression)
     FROM system.columns WHERE database = currentDatabase() FORMAT TSVRaw`,
  );
  expect(columns.toSorted()).toEqual(listed.filter(line => line.includes('.')).toSorted());
  const tables = [...new Set(columns.map(line => line.split('.', 1)[0]!))];
  for (const table of tables.filter(table => !table.endsWith('_mv'))) {
    expect(await rows(`SELECT count() FROM (SELECT * FROM ${table} LIMIT 5)`), table).toHaveLength(1);
  }
});

test('the store says that all is well, its audit chain too', () => {
  expect(json('store status')).toMatchObject({ rejected: 0, spool: { segments: 0 }, audit: { faults: [] } });
  expect(json('store migrate')).toEqual({ applied: [] });
  json('store export');
  const exported = place.read('exported.jsonl').trim().split('\n');
  const ids = exported.map(line => (JSON.parse(line) as { readonly request_id: string }).request_id);
  expect(ids).toEqual(expect.arrayContaining([...stored, ...waiting]));
  // Every key that an export had is there.
  const keys = (text: string): readonly string[] => Object.keys(JSON.parse(text.split('\n', 1)[0]!) as object);
  expect(keys(place.read('exported.jsonl'))).toEqual(expect.arrayContaining([...keys(place.read('records.jsonl'))]));
});

test('a finished run is read, and one that was killed goes on where it was', () => {
  const finished = json<{ readonly jobs: number; readonly done: number }>(`replay status ${run}`);
  expect(finished).toMatchObject({ run, state: 'finished', failed: 0, left: 0 });
  expect(finished.done).toBe(finished.jobs);
  const before = json<{ readonly jobs: number; readonly done: number; readonly left: number }>(`replay status ${killed}`);
  expect(before.done).toBeGreaterThanOrEqual(2);
  expect(before.left).toBe(before.jobs - before.done);
  expect(json(`replay resume ${killed}`)).toMatchObject({
    run: killed,
    before: before.done,
    asked: before.left,
    left: 0,
    possibly_billed_twice: 1,
  });
  const { arms } = json<{ readonly arms: readonly { readonly arm: string; readonly totals: { readonly pairs: number } }[] }>('replay diff');
  expect(arms.map(({ arm }) => arm).toSorted()).toEqual(['sim/large', 'sim/small']);
  for (const { totals } of arms) expect(totals.pairs).toBe(finished.jobs / 2);
});

test('a dataset is listed, shown and replayed, and an export is a source of requests', () => {
  const { items } = read<{ readonly items: readonly object[] }>('data/datasets/golden/1.json');
  expect(json('replay dataset list')).toMatchObject([{ name: 'golden', version: 1, requests: items.length }]);
  expect(json('replay dataset show')).toMatchObject({ name: 'golden', version: 1, items });
  expect(json('replay run --dataset')).toMatchObject({ fromRecord: items.length, left: 0, spent: 0 });
  expect(json('replay plan --from')).toMatchObject({ requests: place.read('records.jsonl').trim().split('\n').length });
});

test('certificates are checked, by the command and by the configuration', () => {
  expect(json('eval check certificate.json')).toMatchObject({ verdict: 'fresh' });
  expect(json('eval check certificate-of-more.json')).toMatchObject({ verdict: 'fresh' });
  // The split that the manifest remembers gives the same certificate.
  const { thresholds, loss_upper } = read<Record<string, unknown>>('certificate-of-more.json');
  expect(json('eval certify')).toMatchObject({ verdict: 'certified', thresholds, loss_upper });
  expect(json('config check')).toMatchObject({ ok: true });
});

test('gate file, snapshot and labels are read', () => {
  expect(json('eval gate')).toMatchObject({ verdict: 'pass', items: 200 });
  expect(json(`eval sweep ${chain} --outcomes snapshot.jsonl`)).toMatchObject({
    items: place.read('snapshot.jsonl').trim().split('\n').length,
  });
  // One request of the run has no outcome of the second target: its numbers are given, and no verdict.
  expect(json(`eval sweep ${chain} --run ${run}`, 3)).toMatchObject({ items: expect.toSatisfy(items => items > 0) });
  expect(json('eval label')).toMatchObject({ labelled: 4, name: 'quality' });
});

test('policy and events of old records are folded again', () => {
  const { backtest } = json<{ readonly backtest: { readonly items: number; readonly cost: number } }>('eval simulate', 3);
  expect(backtest.items).toBeGreaterThan(0);
  expect(Math.abs(backtest.cost)).toBeLessThan(0.01);
  // The strong target answered escalated requests alone: 0.1.0 drew from them for all others and ended with 0.
  const simulated = json<{ readonly requests: number; readonly arms: readonly { readonly told: readonly string[] }[] }>(
    'replay run --since',
    3,
  );
  expect(simulated.requests).toBeGreaterThan(0);
  expect(simulated.arms.map(({ told: results }) => results)).toEqual([[]]);
  expect(json<{ readonly scored: number }>('eval score').scored).toBeGreaterThan(0);
});

test('policy and events of new records have the words of the old ones', { timeout: 30_000 }, async () => {
  const requested = await traffic(gateway, [1, 2, 3, 4, 5, 6]);
  await gateway.flush();
  const list = requested.map(id => `'${id}'`).join(',');
  const found = await vi.waitFor(
    async () => {
      const lines = await rows(`SELECT policy, events FROM requests WHERE request_id IN (${list}) FORMAT JSONEachRow`);
      expect(lines).toHaveLength(requested.length);
      return lines.map(line => JSON.parse(line) as { readonly policy: string; readonly events: string });
    },
    { timeout: 20_000, interval: 100 },
  );
  const policies = found.map(({ policy }) => JSON.parse(policy) as object);
  expect(keyPaths(policies)).toEqual(expect.arrayContaining([...keyPaths(read<object[]>('policy.json'))]));
  const before = wordsOf(read<Event[][]>('events.json').flat());
  const now = wordsOf(found.flatMap(({ events }) => JSON.parse(events) as Event[]));
  expect([...before.keys()]).toEqual(expect.arrayContaining(['attempt-opened', 'attempt-answered', 'attempt-failed', 'timer-fired']));
  for (const [type, words] of before) expect(now.get(type), type).toEqual(expect.arrayContaining([...words]));
});

interface Event {
  readonly type: string;
}

/** What members events of each type have; signals have names of their own. */
const wordsOf = (events: readonly Event[]): ReadonlyMap<string, readonly string[]> =>
  new Map([...Map.groupBy(events, ({ type }) => type)].map(([type, those]) => [type, keyPaths(those, [/^signals$/])]));

test('the state store keeps its tables and what was spent', () => {
  const tablesOf = (file: string): Record<string, readonly string[]> => {
    const database = new DatabaseSync(file, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all() as { name: string }[];
    const columns = (table: string): readonly string[] =>
      (database.prepare(`PRAGMA table_info(${table})`).all() as { name: string; type: string }[]).map(
        ({ name, type }) => `${name} ${type}`,
      );
    const found = Object.fromEntries(tables.map(({ name }) => [name, columns(name)]));
    database.close();
    return found;
  };
  const spent = (file: string): ReadonlyMap<string, number> => {
    const database = new DatabaseSync(file, { readOnly: true });
    const all = database.prepare('SELECT scope, period, spent FROM spending').all() as { scope: string; period: string; spent: number }[];
    database.close();
    return new Map(all.map(row => [`${row.scope} ${row.period}`, row.spent]));
  };
  const [before, now] = [join(place.folder, 'data/state.sqlite'), join(place.folder, 'hindcast-data/state.sqlite')];
  expect(tablesOf(now)).toMatchObject(tablesOf(before));
  const kept = spent(now);
  expect(spent(before).size).toBeGreaterThan(0);
  for (const [scope, usd] of spent(before)) expect(kept.get(scope), scope).toBeGreaterThanOrEqual(usd);
  // The requests sent here are counted in the same table.
  const sum = (all: ReadonlyMap<string, number>): number => [...all.values()].reduce((a, b) => a + b, 0);
  expect(sum(kept)).toBeGreaterThan(sum(spent(before)));
});
