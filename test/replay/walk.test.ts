/** The replay commands over one morning's traffic: plan, datasets, answers from the record, the noise floor, reports, export. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRequests } from '../../replay/recorded/request-file.ts';
import { Workspace } from '../hindcast.ts';
import { runIn } from '../in-process.ts';

const fast = 'ttft=1:tps=100000';
const config = `
server: { port: 0 }
store: { port: 0 }
providers:
  sim: { api: simulated }
  j: { api: openai, key: k-0123456789, base_url: "http://127.0.0.1:9/v1", allow_private: true }
prices: { j/judge: { input: 1, output: 2 } }
routes:
  support:
    steps:
      - { target: "sim/small:${fast}", accept: { confidence: 0.74 } }
      - { target: "sim/large:${fast}" }
`;

test('a morning is planned, stored as a dataset, replayed, answered from the record, and reported', { timeout: 400_000 }, async () => {
  await using place = new Workspace(config);
  const gateway = await place.serve();
  const ask = (content: string, tag: string) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hindcast-tag-task': tag },
      body: JSON.stringify({ model: 'support', messages: [{ role: 'user', content }] }),
    }).then(response => response.text());
  for (let i = 0; i < 24; i++) await ask(`Order ${i % 20} came damaged. What is its refund code?`, i % 2 === 0 ? 'refund' : 'other');
  await gateway.flush();
  await expect
    .poll(async () => Number(await (await fetch(`${gateway.storeUrl}/?query=SELECT%20count()%20FROM%20requests`)).text()), {
      timeout: 20_000,
    })
    .toBe(24);
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runIn(place, 'replay', ...args, '--json');
    expect([args[0], code, stderr]).toEqual([args[0], 0, '']);
    return JSON.parse(stdout);
  };

  // Duplicates are sent once; the plan knows what the record answers at no cost.
  const against = ['--against', 'support', '--against', `sim/large:${fast}`];
  const all = await json('plan', '--since', '1h', ...against);
  expect(all.arms[0]).toMatchObject({ calls: 20, fromRecord: 20 });
  expect(all.arms[0].p50).toBeGreaterThan(0);
  // Another temperature is another request, which the record does not answer.
  expect((await json('plan', '--since', '1h', '--against', 'support', '--temperature', '0', '--only-missing')).arms[0]).toMatchObject({
    calls: 20,
    fromRecord: 0,
  });
  const plan = await json('plan', '--since', '1h', ...against, '--only-missing');
  expect(plan).toMatchObject({ requests: 20, candidates: 24 });
  const [same, large] = plan.arms;
  expect(same).toMatchObject({ calls: 0, fromRecord: 20, expected: 0 });
  expect(large.calls + large.fromRecord).toBe(20);
  expect(large.p50).toBeLessThanOrEqual(large.p95);
  expect(large.p95).toBeLessThanOrEqual(large.worst);

  expect(
    await json('dataset', 'create', 'golden', '--since', '1h', '--sample', '10', '--stratify', 'task', '--where', "outcome = 'ok'"),
  ).toMatchObject({ version: 1, requests: 10 });
  const golden = JSON.parse(place.read('hindcast-data/datasets/golden/1.json'));
  expect(golden.items.reduce((sum: number, { weight }: { weight: number }) => sum + weight, 0)).toBeCloseTo(24);

  const { stdout: listed } = await runIn(place, 'replay', 'dataset', 'list');
  expect(listed).toMatch(/golden@1\s+10\s/);
  expect(await json('dataset', 'create', 'golden', '--since', '1h')).toMatchObject({ version: 2, requests: 20 });
  expect((await json('dataset', 'show', 'golden@1')).items, 'a version never changes').toHaveLength(10);
  expect((await json('dataset', 'show', 'golden')).version).toBe(2);
  const gone = await runIn(place, 'replay', 'dataset', 'show', 'silver');
  expect([gone.code, gone.stderr]).toEqual([expect.toBeOneOf([2, 5]), expect.stringContaining('silver')]);

  // The record answers everything: no calls, no cost.
  const cached = await json('run', '--dataset', 'golden@1', '--against', 'support', '--mode', 'cached');
  expect(cached).toMatchObject({ asked: 10, fromRecord: 10, spent: 0 });
  expect(cached.saved_usd).toBeGreaterThan(0);
  expect(cached.saved_usd * 1e9).toBeGreaterThan(0);
  const equal = await json('diff', 'latest');
  expect(equal.arms[0].totals).toMatchObject({ pairs: 10, likeness: { same: 10, different: 0, failed: 0 }, weight: expect.closeTo(24) });

  const run = await json('run', '--dataset', 'golden@1', '--against', `sim/large:${fast}`, '--aa', '100%', '--only-missing');
  expect(run.asked).toBe(20);
  expect(run.fromRecord).toBeGreaterThan(0);
  const diff = await runIn(
    place,
    'replay',
    'diff',
    'latest',
    '-o',
    'report.html',
    '-o',
    'report.md',
    '-o',
    'report.jsonl',
    '-o',
    'report.txt',
    '--json',
  );
  expect(diff.code).toBe(0);
  const { arms } = JSON.parse(diff.stdout);
  expect(arms.map(({ arm }: { arm: string }) => arm).toSorted()).toEqual(['a/a', `sim/large:${fast}`]);
  // The same number everywhere.
  const cost = place.read('report.txt').match(/at (\d+\.\d) % more cost/)![1]!;
  for (const file of ['report.html', 'report.md']) expect(place.read(file)).toContain(`at ${cost} % more cost`);
  expect(place.read('report.html')).not.toMatch(/<script|https?:\/\//);
  expect(place.read('report.jsonl').trim().split('\n')).toHaveLength(1 + 20);

  // An export can be replayed; a target of unknown price is rejected, and so is an invalid condition.
  expect((await runIn(place, 'replay', 'export', 'latest', '-o', 'run.jsonl')).code).toBe(0);
  expect((await readRequests([join(place.folder, 'run.jsonl')])).requests).toHaveLength(10);
  await judgedPairs(place);
  const unpriced = await runIn(place, 'replay', 'run', '--since', '1h', '--against', 'sim/other');
  expect([unpriced.code, unpriced.stderr]).toEqual([2, expect.stringContaining('--allow-unpriced')]);
  const where = await runIn(place, 'replay', 'plan', '--where', 'no_such_column = 1', '--against', 'support');
  expect([where.code, where.stderr]).toEqual([2, expect.stringContaining('--where')]);
  // A log in Parquet is replayed like any other file.
  const sql =
    "SELECT toString(request_id) AS request_id, request_body, response_body FROM payloads WHERE attempt_no = 0 AND run_id = '' ORDER BY request_id LIMIT 5 FORMAT Parquet";
  const parquet = Buffer.from(await (await fetch(`${gateway.storeUrl}/?query=${encodeURIComponent(sql)}`)).arrayBuffer());
  expect(parquet.subarray(0, 4).toString()).toBe('PAR1');
  writeFileSync(join(place.folder, 'log.parquet'), parquet);
  expect(await json('run', '--from', 'log.parquet', '--against', `sim/small:${fast}`)).toMatchObject({
    asked: 5,
    answered: 5,
    skipped: [],
  });
  const dear = await runIn(place, 'replay', 'run', '--since', '1h', '--repeat', '100000', '--against', `sim/large:${fast}`);
  expect([dear.code, dear.stderr]).toEqual([
    2,
    expect.stringMatching(/would cost about \$\S+, at most \$\S+\. Pass --yes to confirm, or --max-cost/),
  ]);
  const brief = await runIn(place, 'replay', 'run', '--since', '1h', '--against', 'sim/large:tps=5', '--max-duration', '300ms', '-j', '2');
  expect([brief.code, brief.stdout]).toEqual([130, expect.stringMatching(/Interrupted with 1\d calls left/)]);
  const capped = await runIn(place, 'replay', 'run', '--since', '1h', '--against', `sim/large:${fast}`, '--max-cost', '0');
  expect(capped.code).toBe(4);
  const empty = await runIn(place, 'replay', 'diff', 'latest');
  expect([empty.code, empty.stderr]).toEqual([5, expect.stringContaining('not even the first call fits under --max-cost 0')]);
  expect(await gateway.end('SIGTERM')).toBe(0);
});

/** Different texts that cheaper methods cannot decide need a judge, which is paid once and whose verdict stays. */
async function judgedPairs(place: Workspace): Promise<void> {
  let calls = 0;
  // For some orders it contradicts itself: the first response is always better.
  const judge = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { messages, max_completion_tokens: longest } = JSON.parse(body);
    calls++;
    const word = longest !== 2048 ? '?' : /Order \d*[0-4] /.test(messages[1].content) ? 'A' : 'TIE';
    response.writeHead(200, { 'content-type': 'application/json', 'x-hindcast-cost-usd': '0.000001' });
    response.end(JSON.stringify({ choices: [{ message: { content: word } }] }));
  });
  await new Promise<void>(resolve => judge.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(judge.address() as AddressInfo).port}`;
  // All twenty, because the small model differs from the chain in some: a sample may contain none of these.
  const { stdout: output } = await runIn(place, 'replay', 'run', '--since', '1h', '--against', `sim/small:${fast}`, '--json');
  const { run } = JSON.parse(output);
  const diff = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runIn(place, 'replay', 'diff', run, '--json', ...args);
    return { code, stderr, arm: code === 0 ? JSON.parse(stdout).arms[0] : undefined };
  };
  const before = (await diff()).arm.totals;
  expect(before.likeness.undecided).toBeGreaterThan(0);
  expect(before.likeness.undecided).toBe(before.rungs.similarity);
  const own = await diff('--judge', `sim/large:${fast}`, '--judge-url', url);
  expect([own.code, own.stderr]).toEqual([2, expect.stringContaining('a model cannot judge its own responses')]);
  const capped = await diff('--judge', 'j/judge', '--judge-url', url, '--max-cost', '0');
  expect([capped.code, calls]).toEqual([0, 0]);
  expect(capped.stderr).toContain('are left undecided');
  const judged = await diff('--judge', 'j/judge', '--judge-url', url, '--max-cost', '1');
  expect(judged.stderr).toMatch(/^j\/judge judges \d+ pairs in both orders: \d+ calls, about \$\S+, at most \$\S+\.$/m);
  const all = calls;
  expect(all).toBeGreaterThan(0);
  const { likeness, rungs } = judged.arm.totals;
  expect(rungs.similarity).toBe(0);
  expect(rungs.judge).toBe(before.rungs.similarity);
  expect(likeness.undecided).toBeLessThan(before.likeness.undecided);
  expect(likeness.equivalent + likeness.undecided).toBe(before.likeness.equivalent + before.likeness.undecided);
  // The second time the verdict is known, also to a diff without a judge.
  expect((await diff('--judge', 'j/judge', '--judge-url', url)).arm.totals.likeness).toEqual(likeness);
  expect((await diff()).arm.totals.likeness).toEqual(likeness);
  expect(calls).toBe(all);
  judge.close();
}
