/** The matrix from a real store: what was recorded, what was replayed, what was scored, what was imported. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseOutcomes } from '../../eval/outcomes/file.ts';
import { importItems } from '../../eval/outcomes/import.ts';
import type { Outcome, Outcomes } from '../../eval/outcomes/outcomes.ts';
import { selectRuns } from '../../eval/outcomes/query.ts';
import { loadOutcomes, type OutcomeQuery } from '../../eval/outcomes/store.ts';
import { type RunningEngine, startEngine } from '../../recorder/engine/server.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { connect, type Store } from '../../recorder/store/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-eval-'));
let engine: RunningEngine;
let store: Store;

const id = (n: number): string => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`;
/** Rows must be young, or the tables' own time limit takes them away. */
const noon = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const at = (minute: number): string => new Date(noon + minute * 60_000).toISOString().replace('T', ' ').replace('Z', '');

const request = (n: number, more: object = {}): object => ({
  tenant_id: 'default',
  ts: at(n % 60),
  request_id: id(n),
  dialect: 'openai',
  route: 'smart',
  outcome: 'ok',
  latency_ms: 900,
  ttft_ms: 900,
  cost_usd: '0.000000123',
  price_id: 'p',
  ...more,
});
const attempt = (n: number, target: string, more: object = {}): object => ({
  tenant_id: 'default',
  ts: at(n % 60),
  request_id: id(n),
  attempt_no: 1,
  target,
  provider: target.split('/')[0],
  outcome: 'ok',
  accepted: true,
  duration_ms: 100,
  ttft_ms: 40,
  cost_usd: '0.000000010',
  price_id: 'p',
  signals: { mean_logprob: 0.7 },
  ...more,
});
const payloadRow = (n: number, attemptNo: number, text: string): object => ({
  tenant_id: 'default',
  ts: at(n % 60),
  request_id: id(n),
  attempt_no: attemptNo,
  response_body: text,
});
const run = (name: string, created: string, more: object = {}): object => ({
  run_id: name,
  kind: 'replay',
  arms: ['s/large'],
  state: 'finished',
  created_at: created,
  ...more,
});

beforeAll(async () => {
  engine = await startEngine({ path: join(folder, 'engine'), host: '127.0.0.1', port: 0, writerKey: 'w' });
  store = connect({ url: engine.url, username: 'writer', password: 'w' });
  await migrate(store);
  await store.insert('requests', [
    // 1: escalated live. 2: accepted live, replayed twice. 3: accepted live, never replayed. 4: retried, then failed. 5: another target.
    request(1, { conversation_id: 'talk' }),
    request(2, { conversation_id: 'talk' }),
    request(3),
    request(4, { outcome: 'upstream_error', error_type: 'overloaded' }),
    request(5),
    request(12, { run_id: 'new', replay_of: id(2), arm: 's/large' }),
    request(11, { run_id: 'old', replay_of: id(2), arm: 's/large' }),
    request(14, { run_id: 'new', replay_of: id(4), arm: 's/large' }),
  ]);
  await store.insert('attempts', [
    attempt(1, 's/small', { accepted: false, signals: { mean_logprob: 0.3 } }),
    attempt(1, 's/large', { attempt_no: 2, kind: 'escalation', cost_usd: '0.000000090', duration_ms: 500, ttft_ms: 200, signals: {} }),
    attempt(2, 's/small'),
    attempt(3, 's/small', { price_id: '' }),
    attempt(4, 's/small', { outcome: 'overloaded', accepted: false, duration_ms: 30, price_id: '', cost_usd: '0' }),
    attempt(4, 's/small', {
      attempt_no: 2,
      kind: 'retry',
      outcome: 'timeout',
      accepted: false,
      duration_ms: 70,
      price_id: '',
      cost_usd: '0',
    }),
    attempt(4, 's/small', { attempt_no: 3, kind: 'judge', outcome: 'ok' }),
    attempt(5, 's/other'),
    attempt(12, 's/large', { run_id: 'new', cost_usd: '0.000000095' }),
    attempt(11, 's/large', { run_id: 'old', cost_usd: '0.000000001' }),
    attempt(14, 's/large', { run_id: 'new' }),
  ]);
  const answer = (text: string): string => JSON.stringify({ text });
  await store.insert('payloads', [
    payloadRow(1, 1, answer('Paris')),
    payloadRow(1, 2, answer('Lyon')),
    payloadRow(2, 1, answer('Paris  ')),
    payloadRow(2, 0, answer('Paris')),
    payloadRow(12, 1, answer('Paris')),
    payloadRow(3, 1, answer('Nice')),
    payloadRow(14, 1, answer('Bonn')),
  ]);
  await store.insert('runs', [run('old', at(1)), run('new', at(2)), run('gone', at(3), { kind: 'gate' })]);
  await store.insert('scores', [
    { tenant_id: 'default', request_id: id(1), ts: at(1), name: 'quality', score_id: id(901), source: 'judge', value: 0.2 },
    { tenant_id: 'default', request_id: id(1), ts: at(1), name: 'quality', score_id: id(902), source: 'human', value: 0.9 },
    { tenant_id: 'default', request_id: id(12), ts: at(1), name: 'quality', score_id: id(903), source: 'rule', value: 1 },
    { tenant_id: 'default', request_id: id(2), ts: at(1), name: 'taste', score_id: id(904), source: 'rule', value: 7 },
  ]);
}, 60_000);

afterAll(async () => {
  await store?.close();
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function load(more: Partial<OutcomeQuery> = {}): Promise<Outcomes> {
  const runs = (await selectRuns(store)).filter(({ kind }) => kind === 'replay');
  return loadOutcomes(store, {
    targets: ['s/small', 's/large'],
    columns: [],
    judged: ['s/small', 's/large'],
    quality: 'agreement',
    runs,
    onlyRuns: false,
    limit: 100,
    read: (_, body) => ({ text: (JSON.parse(body) as { text: string }).text, toolCalls: [] }),
    ...more,
  });
}

const cell = (outcomes: Outcomes, n: number, column: string): Outcome | undefined =>
  outcomes.items.find(item => item.id === id(n))?.outcomes.get(column);

describe('the matrix', () => {
  test('has every original that one of the targets answered, in its conversation', async () => {
    const { items } = await load();
    expect(items.map(item => item.id).toSorted()).toEqual([1, 2, 3, 4].map(id));
    expect(items.find(item => item.id === id(1))!.cluster).toBe('talk');
    expect(items.find(item => item.id === id(3))!.cluster).toBe(id(3));
  });

  test('holds what each attempt cost, took and showed', async () => {
    const outcomes = await load();
    expect(cell(outcomes, 1, 's/small')).toMatchObject({
      signals: { mean_logprob: 0.3 },
      costNanoUsd: 10,
      latencyMs: 100,
      firstTokenMs: 40,
    });
    expect(cell(outcomes, 1, 's/large')).toMatchObject({ signals: {}, costNanoUsd: 90, latencyMs: 500, firstTokenMs: 200 });
  });

  test('fills what was not recorded from replays, the newest run first, and leaves the rest empty', async () => {
    const outcomes = await load();
    expect(cell(outcomes, 2, 's/large')).toMatchObject({ costNanoUsd: 95 });
    expect(cell(outcomes, 3, 's/large')).toBeUndefined();
    const old = (await selectRuns(store)).filter(({ run_id }) => run_id === 'old');
    expect(cell(await load({ runs: old }), 2, 's/large')).toMatchObject({ costNanoUsd: 1 });
  });

  test('adds up tries, leaves judges out, and knows no price where there is none', async () => {
    const outcomes = await load();
    expect(cell(outcomes, 4, 's/small')).toMatchObject({ failure: { kind: 'timeout' }, latencyMs: 100, costNanoUsd: 0 });
    expect(cell(outcomes, 3, 's/small')!.costNanoUsd).toBeUndefined();
  });

  test('with a run named is about the requests of that run alone', async () => {
    const runs = (await selectRuns(store)).filter(({ run_id }) => run_id === 'new');
    const { items } = await load({ runs, onlyRuns: true });
    expect(items.map(item => item.id).toSorted()).toEqual([2, 4].map(id));
  });

  test('has the newest requests when there are too many, and none before `since`', async () => {
    expect((await load({ limit: 2 })).items.map(item => item.id).toSorted()).toEqual([3, 4].map(id));
    expect((await load({ since: noon + 3 * 60_000 })).items.map(item => item.id).toSorted()).toEqual([3, 4].map(id));
  });

  test('is of one request alone when it is named', async () => {
    expect((await load({ item: id(2) })).items.map(item => item.id)).toEqual([id(2)]);
    expect((await load({ item: 'nobody' })).items).toEqual([]);
  });

  test('takes whole exchanges as columns: the record, and an arm of a run', async () => {
    await store.insert('replay_results', [
      {
        tenant_id: 'default',
        run_id: 'new',
        arm: 'http://x',
        request_id: id(2),
        ts: at(2),
        outcome: 'ok',
        latency_ms: 7,
        cost_usd: '0.000000005',
        price_id: 'p',
        scores: { quality: 0.5 },
      },
    ]);
    const outcomes = await load({
      columns: [
        { name: 'recorded', type: 'recorded' },
        { name: 'x', type: 'arm', run: 'new', arm: 'http://x' },
      ],
      judged: ['recorded', 'x'],
      quality: 'quality',
    });
    expect(cell(outcomes, 2, 'recorded')).toMatchObject({ costNanoUsd: 123, latencyMs: 900 });
    expect(cell(outcomes, 2, 'x')).toMatchObject({ costNanoUsd: 5, latencyMs: 7, quality: 0.5 });
    expect(cell(outcomes, 4, 'recorded')).toMatchObject({ failure: { kind: 'overloaded' } });
    // An arm is compared on the requests of its run.
    expect(outcomes.items.map(item => item.id)).not.toContain(id(3));
  });
});

describe('quality', () => {
  test('is agreement with the strongest target where nobody scored, and says so', async () => {
    const outcomes = await load();
    expect(outcomes.label).toBe('agreement with s/large');
    expect(cell(outcomes, 1, 's/small')!.quality).toBe(0);
    expect(cell(outcomes, 1, 's/large')!.quality).toBe(1);
    expect(cell(outcomes, 2, 's/small')!.quality).toBe(1);
    expect(cell(outcomes, 3, 's/small')!.quality).toBeUndefined();
    expect(outcomes.notes[0]).toContain('may itself be wrong');
  });

  test('comes from the most trusted score of the answer that the caller got', async () => {
    const outcomes = await load({ quality: 'quality' });
    expect(outcomes.label).toBe('scores named quality');
    expect(cell(outcomes, 1, 's/large')!.quality).toBe(0.9);
    expect(cell(outcomes, 1, 's/small')!.quality).toBeUndefined();
    expect(cell(outcomes, 2, 's/large')!.quality).toBe(1);
  });

  test('is looked for in scores first, and in agreement when no request has scores for every target', async () => {
    expect((await load({ quality: 'auto' })).label).toBe('agreement with s/large');
    expect((await load({ quality: 'auto', judged: ['s/large'] })).label).toBe('scores named quality');
  });

  test('never comes from a score outside its range', async () => {
    const outcomes = await load({ quality: 'taste' });
    expect(cell(outcomes, 2, 's/small')!.quality).toBeUndefined();
    expect(outcomes.notes).toEqual(['1 scores named taste lie outside 0 to 1 and were not used.']);
  });
});

describe('an import', () => {
  const text = [
    '{"id":"q1","cluster":"talk","targets":{"w/eak":{"quality":1,"confidence":0.7142857142857143,"cost":0.003844,"latency_ms":120,"ttft_ms":60},"s/trong":{"quality":0.5,"cost":0.02787}}}',
    '{"id":"q2","targets":{"w/eak":{"cost":0,"error":"timeout"},"s/trong":{"quality":1,"cost":0.02}}}',
  ].join('\n');
  const items = (() => {
    const parsed = parseOutcomes(text);
    return parsed.ok ? parsed.items : [];
  })();

  test('is a run whose outcomes come back as they went in, and the same file again adds nothing', async () => {
    const from = { text, name: 'o.jsonl', at: noon + 3_600_000 };
    const first = await importItems(store, items, from);
    expect(first).toMatchObject({ items: 2, targets: ['s/trong', 'w/eak'], added: true });
    const repeated = await importItems(store, items, { ...from, at: from.at + 60_000 });
    expect(repeated).toEqual({ ...first, added: false });
    const [count] = await store.select<{ n: number }>('SELECT toUInt32(count()) AS n FROM replay_results WHERE run_id = {run: String}', {
      run: first.run,
    });
    expect(count!.n).toBe(4);

    const runs = await selectRuns(store);
    expect(runs[0]).toMatchObject({ run_id: first.run, kind: 'import', name: 'o.jsonl' });
    const targets = ['w/eak', 's/trong'];
    const outcomes = await load({ targets, judged: targets, quality: 'auto', runs: [runs[0]!], onlyRuns: true });
    expect(outcomes.label).toBe('scores named quality');
    const back = outcomes.items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(back.map(({ id: name, cluster }) => [name, cluster])).toEqual([
      ['q1', 'talk'],
      ['q2', 'q2'],
    ]);
    expect(back[0]!.outcomes.get('w/eak')).toEqual(items[0]!.outcomes.get('w/eak'));
    expect(back[0]!.outcomes.get('s/trong')).toEqual(items[0]!.outcomes.get('s/trong'));
    expect(back[1]!.outcomes.get('w/eak')).toMatchObject({ failure: { kind: 'timeout' }, costNanoUsd: 0 });
  });

  test('is no part of live traffic', async () => {
    const targets = ['w/eak', 's/trong'];
    expect((await load({ targets, judged: targets })).items).toEqual([]);
  });
});
