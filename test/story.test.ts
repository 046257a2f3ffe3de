/**
 * The whole walk: requested, recorded, replayed, judged.
 *
 * A team has a cheap model and a good one, and wonders how sure the cheap one must be for its answer to do. Everything here is what a user
 * does: `hindcast serve`, the official OpenAI client, the official ClickHouse client, and the command line.
 */
import { createClient } from '@clickhouse/client';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { Workspace } from './hindcast.ts';
import { runIn } from './in-process.ts';

// As quick as the machine allows: the story does not depend on the simulated models' latency.
const fast = 'ttft=1:tps=100000';
const config = `
server: { port: 0 }
store: { port: 0 }
providers:
  sim: { api: simulated }
routes:
  support:
    steps:
      - { target: "sim/small:${fast}", accept: { confidence: 0.74 } }
      - { target: "sim/large:${fast}" }
`;

const gate = `
version: 1
baseline: { target: "sim/large:${fast}" }
candidate: { chain: ["sim/small:${fast}", "sim/large:${fast}"], thresholds: [0.74] }
data: { since: 1h, run: latest }
gates:
  - { name: it costs less than asking the good model, metric: cost_per_1k, assert: "delta < -5%" }
`;

const questions = Array.from({ length: 60 }, (_, i) => `Order ${1_000 + i} came damaged. What is its refund code?`);

test('a request is asked, remembered, asked again and judged', { timeout: 120_000 }, async () => {
  await using place = new Workspace(config);

  // The gateway starts from nothing but a small file, with its own ClickHouse inside.
  const gateway = await place.serve();
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 });

  // Asked: an unchanged client, plain and streamed.
  const plain = await openai.chat.completions
    .create({ model: 'support', messages: [{ role: 'user', content: 'Say hello' }] })
    .withResponse();
  expect(plain.data.choices[0]!.finish_reason).toBe('stop');
  expect(plain.response.headers.get('x-hindcast-route')).toBe('support');
  const streamed = await openai.chat.completions.create({
    model: 'sim/small',
    stream: true,
    messages: [{ role: 'user', content: 'Say hello' }],
  });
  let text = '';
  for await (const chunk of streamed) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe(plain.data.choices[0]!.message.content);

  // A morning's traffic.
  const ask = (content: string) => openai.chat.completions.create({ model: 'support', messages: [{ role: 'user', content }] });
  for (let i = 0; i < questions.length; i += 20) await Promise.all(questions.slice(i, i + 20).map(ask));

  // Remembered: every exchange and every attempt, in ClickHouse, under the id that the caller was given.
  const clickhouse = createClient({ url: gateway.storeUrl });
  const rows = async <Row>(query: string): Promise<Row[]> => (await clickhouse.query({ query, format: 'JSONEachRow' })).json<Row>();
  const requestCount = questions.length + 2;
  await gateway.flush();
  await expect
    .poll(async () => (await rows<{ n: number }>('SELECT toUInt32(count()) AS n FROM requests'))[0]!.n, { timeout: 15_000 })
    .toBe(requestCount);
  const id = plain.response.headers.get('x-hindcast-id');
  const [remembered] = await rows<{ route: string; outcome: string; body: string }>(
    `SELECT route, outcome, request_body AS body FROM requests AS r JOIN payloads AS p ON p.request_id = r.request_id WHERE r.request_id = '${id}' AND attempt_no = 0`,
  );
  expect(remembered).toMatchObject({ route: 'support', outcome: 'ok' });
  expect(JSON.parse(remembered!.body)).toMatchObject({ model: 'support', messages: [{ content: 'Say hello' }] });
  const [escalated] = await rows<{ n: number }>('SELECT toUInt32(countIf(escalations > 0)) AS n FROM requests');
  expect(escalated!.n).toBeGreaterThan(0);
  expect(escalated!.n).toBeLessThan(requestCount);

  // Replayed: what does each model alone respond?
  const replayed = await runIn(
    place,
    'replay',
    'run',
    '--since',
    '1h',
    '--route',
    'support',
    '--against',
    `sim/small:${fast}`,
    '--against',
    `sim/large:${fast}`,
  );
  expect(replayed.stderr).toBe('');
  expect(replayed.code).toBe(0);
  const diff = await runIn(place, 'replay', 'diff', 'latest', '--json');
  const { arms } = JSON.parse(diff.stdout) as { arms: { arm: string; totals: { pairs: number; likeness: Record<string, number> } }[] };
  expect(arms.map(arm => arm.arm).toSorted()).toEqual([`sim/large:${fast}`, `sim/small:${fast}`]);
  for (const { totals } of arms) expect(totals.pairs).toBe(questions.length + 1);

  // Replays stay apart from production: the figures of the morning are what they were.
  expect((await rows<{ n: number }>("SELECT toUInt32(count()) AS n FROM requests WHERE run_id = ''"))[0]!.n).toBe(requestCount);

  // Judged: which threshold is safe, and what does it save?
  const sweep = await runIn(place, 'eval', 'sweep', '--chain', 'support', '--run', 'latest', '--json');
  expect(sweep.stderr).toBe('');
  expect(sweep.code).toBe(0);
  expect(sweep.stdout).toContain('threshold');

  // And from now on a gate says so in CI: by its exit code.
  place.write('gate.yaml', gate);
  const judged = await runIn(place, 'eval', 'gate', 'gate.yaml');
  expect(judged.stdout).toMatch(/PASS/);
  expect(judged.code).toBe(0);

  // Ctrl-C: it ends cleanly, and everything is still there the next morning.
  expect(await gateway.end('SIGINT')).toBe(0);
  const status = await runIn(place, 'store', 'status', '--json');
  expect(status.code).toBe(0);
  await clickhouse.close();
});

test('an answer whose end the caller saw is remembered, though everything is killed', { timeout: 120_000 }, async () => {
  await using place = new Workspace(config);
  const first = await place.serve();
  const openai = new OpenAI({ baseURL: `${first.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const answered: string[] = [];
  const client = async (n: number): Promise<void> => {
    for (let i = 0; ; i++) {
      const content = `Caller ${n}, question ${i}`;
      const call = await openai.chat.completions
        .create({ model: 'sim/small:ttft=5:tps=5000', messages: [{ role: 'user', content }] })
        .withResponse();
      answered.push(call.response.headers.get('x-hindcast-id')!);
      if (answered.length === 100) process.kill(first.pid, 'SIGKILL');
    }
  };
  await Promise.allSettled([0, 1, 2, 3, 4, 5].map(client));
  expect(answered.length).toBeGreaterThanOrEqual(100);

  const second = await place.serve();
  const clickhouse = createClient({ url: second.storeUrl });
  const stored = async (): Promise<string[]> => {
    const found = await clickhouse.query({ query: 'SELECT toString(request_id) AS id FROM requests', format: 'JSONEachRow' });
    return (await found.json<{ id: string }>()).map(row => row.id);
  };
  await expect
    .poll(
      async () => {
        const ids = await stored();
        return answered.filter(id => ids.filter(known => known === id).length !== 1);
      },
      { timeout: 20_000 },
    )
    .toEqual([]);
  expect(await second.end('SIGTERM')).toBe(0);
  await clickhouse.close();
});
