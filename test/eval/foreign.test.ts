/** Outcomes that other tools measured: each format as its tool writes it, and the command that reads them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { foreignOutcomes } from '../../eval/outcomes/foreign.ts';
import type { Json } from '../../gateway/core/chat/json.ts';
import { runInProcess } from '../in-process.ts';

const read = (rows: readonly unknown[], options = {}, name = 'results.json') => {
  const found = foreignOutcomes([{ name, rows: rows as readonly Json[] }], options);
  if (typeof found === 'string') throw new Error(found);
  return { ...found, items: found.items.map(item => ({ ...item, outcomes: Object.fromEntries(item.outcomes) })) };
};

const promptfoo = {
  evalId: 'eval-1',
  results: {
    version: 3,
    results: [
      ...[0, 1].map(testIdx => ({
        ...{ promptIdx: 0, testIdx, success: testIdx === 0, score: 0.5, namedScores: { tone: 0.9 }, failureReason: 1 - testIdx },
        ...{ provider: { id: 'openai:gpt-small', label: '' }, latencyMs: 120, cost: 0.002, error: testIdx === 1 ? 'assertion' : null },
        response: { output: 'yes', cached: testIdx === 1 },
      })),
      {
        promptIdx: 0,
        testIdx: 0,
        success: false,
        score: 0,
        provider: { id: 'large' },
        failureReason: 2,
        error: '500',
        latencyMs: 9,
        cost: 0,
      },
    ],
  },
};

const inspect = (model: string, values: readonly Json[]): Json => ({
  version: 2,
  status: 'success',
  eval: { model, task: 'arith' },
  samples: values.map((value, i) => ({
    ...{ id: i % 2, epoch: 1 + Math.floor(i / 2), scores: { match: { value, answer: 'x' } }, total_time: 2, working_time: 1.5 },
    ...{ model_usage: { [model]: { input_tokens: 3, output_tokens: 4, total_cost: 0.01 } }, error: null },
  })),
});

describe('foreign outcomes', () => {
  test('of promptfoo: score, cost and time, no time from its cache, and errors as failures', () => {
    const { items, formats } = read([promptfoo]);
    expect(formats).toEqual(['promptfoo']);
    expect(items).toEqual([
      {
        id: 'test 0',
        cluster: 'test 0',
        outcomes: {
          'openai:gpt-small': { signals: {}, quality: 0.5, costNanoUsd: 2_000_000, latencyMs: 120 },
          large: { signals: {}, costNanoUsd: 0, latencyMs: 9, failure: { kind: 'server-error', message: 'server_error' } },
        },
      },
      { id: 'test 1', cluster: 'test 1', outcomes: { 'openai:gpt-small': { signals: {}, quality: 0.5, costNanoUsd: 2_000_000 } } },
    ]);
    expect(read([promptfoo], { quality: 'tone' }).items[0]!.outcomes['openai:gpt-small']!.quality).toBe(0.9);
  });

  test('of inspect_ai: two logs are two targets, and epochs are repeats in one cluster', () => {
    const files = [
      { name: 'small.json', rows: [inspect('small', ['C', 'I', 'P', 1])] },
      { name: 'large.json', rows: [inspect('large', ['C', true])] },
    ];
    const found = foreignOutcomes(files, {});
    if (typeof found === 'string') throw new Error(found);
    expect(
      found.items.map(({ id, cluster, outcomes }) => [id, cluster, outcomes.get('small')?.quality, outcomes.get('large')?.quality]),
    ).toEqual([
      ['arith 0', 'arith 0', 1, 1],
      ['arith 1', 'arith 1', 0, 1],
      ['arith 0#2', 'arith 0', 0.5, undefined],
      ['arith 1#2', 'arith 1', 1, undefined],
    ]);
    expect(found.items[0]!.outcomes.get('small')).toMatchObject({ costNanoUsd: 10_000_000, latencyMs: 1_500 });
  });

  test('of lm-evaluation-harness: the folder names the model, the file the task; one filter counts', () => {
    const rows = ['strict', 'flexible'].flatMap(filter =>
      [0, 1].map(doc_id => ({
        doc_id,
        filter,
        target: '7',
        resps: [['7']],
        filtered_resps: ['7'],
        metrics: ['exact_match'],
        exact_match: doc_id,
      })),
    );
    const name = 'out/org__small/samples_gsm8k_2026-01-02T03-04-05.678.jsonl';
    const { items, notes } = read(rows, {}, name);
    expect(items.map(({ id, outcomes }) => [id, outcomes['org/small']!.quality])).toEqual([
      ['gsm8k 0', 0],
      ['gsm8k 1', 1],
    ]);
    expect(notes.join()).toContain('quality is exact_match');
    expect(foreignOutcomes([{ name: 'samples.jsonl', rows }], {})).toContain('--target');
  });

  test('of Langfuse: observations and scores of two files, times from instants, sessions as clusters', () => {
    const observations = [
      {
        ...{
          id: 'o1',
          trace_id: 't1',
          type: 'GENERATION',
          session_id: 's',
          provided_model_name: 'small',
          total_cost: 0.5,
          level: 'DEFAULT',
        },
        ...{
          start_time: '2026-01-01 00:00:00.000000',
          end_time: '2026-01-01 00:00:01.250000',
          completion_start_time: '2026-01-01 00:00:00.500000',
        },
      },
      { id: 'o2', traceId: 't1', type: 'SPAN' },
      { id: 'o3', traceId: 't2', type: 'GENERATION', model: 'small', level: 'ERROR' },
    ];
    const scores = [
      { id: 'x', trace_id: 't1', name: 'tone', value: 0.1 },
      { id: 'y', trace_id: 't1', observation_id: 'o1', name: 'quality', value: 1 },
    ];
    const found = foreignOutcomes(
      [
        { name: 'observations.jsonl', rows: observations },
        { name: 'scores.jsonl', rows: scores },
      ],
      {},
    );
    if (typeof found === 'string') throw new Error(found);
    expect(found.items.map(({ id, cluster, outcomes }) => ({ id, cluster, small: outcomes.get('small') }))).toEqual([
      { id: 't1', cluster: 's', small: { signals: {}, quality: 1, costNanoUsd: 500_000_000, latencyMs: 1_250, firstTokenMs: 500 } },
      { id: 't2', cluster: 't2', small: { signals: {}, failure: { kind: 'server-error', message: 'server_error' } } },
    ]);
  });

  test.each([
    [[{ hello: 1 }], 'its format is not known'],
    [['text'], 'it holds no JSON object'],
    [[{ id: 'a', quality: 1 }], 'row 1 has no target'],
    [[{ id: 'a', target: 'b', quality: 7 }], 'row 1: quality must be a number from 0 to 1, not 7'],
  ])('that cannot be read say why: %j', (rows, why) => {
    expect(foreignOutcomes([{ name: 'f.json', rows: rows as readonly Json[] }], {})).toContain(`f.json: ${why}`);
  });
});

describe('eval import', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-foreign-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  test('turns a table into outcomes that a sweep reads', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => {
      const sure = (i % 10) / 10;
      return `q${i},cheap,${sure > 0.4 ? 1 : 0},${sure},0.001,refund\nq${i},dear,1,,0.01,refund`;
    });
    const table = file('table.csv', `id,target,quality,confidence,cost,task\n${lines.join('\n')}\n`);
    const output = join(folder, 'outcomes.jsonl');
    const imported = await runInProcess('eval', 'import', table, '-o', output, '--json');
    expect([imported.code, JSON.parse(imported.stdout), imported.stderr]).toEqual([
      0,
      { output, items: 40, targets: ['cheap', 'dear'] },
      expect.stringContaining('Read as table.'),
    ]);
    expect(JSON.parse(readFileSync(output, 'utf8').split('\n')[0]!)).toMatchObject({ tags: { task: 'refund' } });
    const swept = await runInProcess('eval', 'sweep', '--chain', 'cheap,dear', '--outcomes', output, '--json');
    expect([swept.code, JSON.parse(swept.stdout).items]).toEqual([0, 40]);
  });

  test('says by line what is wrong with its own format, and what it does not know', async () => {
    const own = await runInProcess('eval', 'import', file('own.jsonl', '{"id":"a","targets":{"b":{"quality":1}}}\n'));
    expect([own.code, own.stderr]).toEqual([2, expect.stringContaining('own.jsonl:1: targets.b.cost is missing')]);
    const unknown = await runInProcess('eval', 'import', file('unknown.json', '{"a":1}'));
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('its format is not known; known are results of promptfoo')]);
  });
});
