/** Shadow traffic in the background, which `diff` reads like a run and no production figure includes; and selection flags on real records. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Workspace } from '../hindcast.ts';
import { runIn } from '../in-process.ts';

const fast = 'ttft=1:tps=100000';
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const config = `
server: { port: 0 }
store: { port: 0 }
telemetry: { metrics: open }
providers: { sim: { api: simulated } }
routes:
  plain: { steps: [{ target: "sim/small:${fast}" }] }
  watched: { steps: [{ target: "sim/small:${fast}" }], shadow: [{ route: "sim/large:${fast}", share: 0.5 }] }
tenants: { acme: {}, beta: {} }
keys:
  - { name: acme, hash: "sha256:${hashOf('key-of-acme')}", tenant: acme }
  - { name: beta, hash: "sha256:${hashOf('key-of-beta')}", tenant: beta }
`;
/** Per route and tenant. */
const each = 12;

test("shadow responses are compared with the callers', and every selection flag selects exactly its requests", {
  timeout: 120_000,
}, async () => {
  await using place = new Workspace(config);
  const gateway = await place.serve();
  const ask = async (tenant: string, route: string, n: number): Promise<void> => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer key-of-${tenant}`,
        'x-hindcast-tag-task': n % 2 === 0 ? 'refund' : 'other',
        'x-hindcast-conversation': `${tenant}-${route}-${n >> 2}`,
      },
      body: JSON.stringify({ model: route, messages: [{ role: 'user', content: `${tenant} asks ${route} for order ${n}` }] }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  };
  for (let n = 0; n < each; n++) {
    await Promise.all(['acme', 'beta'].flatMap(tenant => ['plain', 'watched'].map(route => ask(tenant, route, n))));
  }
  const headers = { 'x-clickhouse-key': place.read('hindcast-data/reader.key').trim() };
  const read = async (sql: string): Promise<number> =>
    Number(await (await fetch(`${gateway.storeUrl}/?query=${encodeURIComponent(sql)}`, { headers })).text());
  await gateway.flush();
  await expect.poll(() => read("SELECT count() FROM requests WHERE run_id = ''"), { timeout: 30_000 }).toBe(4 * each);
  const shadows = async (): Promise<number> => read("SELECT count() FROM requests WHERE run_id = 'shadow'");
  const chosen = async (): Promise<number> => read("SELECT uniqExact(replay_of) FROM requests WHERE run_id = 'shadow'");
  // The gateway counts what it sends; the number is random.
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const sent = Number(/^hindcast_copies_total\{kind="shadow",outcome="asked"\} (\d+)$/m.exec(metrics)?.[1]);
  expect(sent).toBeGreaterThan(0);
  await gateway.flush();
  await expect.poll(shadows, { timeout: 30_000 }).toBe(sent);
  expect(await chosen()).toBe(await shadows());
  expect(await shadows()).toBeLessThan(2 * each);
  // Responses that no caller got are in no production figure.
  // Rollups follow within seconds.
  await expect.poll(() => read('SELECT sum(requests) FROM usage_1m'), { timeout: 30_000 }).toBe(4 * each);

  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runIn(place, ...args, '--json');
    expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
    return JSON.parse(stdout);
  };
  const { arms } = await json('replay', 'diff', 'shadow', '--since', '1h');
  expect(arms).toHaveLength(1);
  expect(arms[0]).toMatchObject({ arm: `sim/large:${fast}`, totals: { pairs: await shadows() } });

  const planned = async (...flags: readonly string[]): Promise<number> =>
    (await json('replay', 'plan', '--since', '1h', '--against', 'plain', ...flags)).requests;
  expect(await planned('--route', 'watched', '--tenant', 'beta')).toBe(each);
  expect(await planned('--model', 'plain', '--tag', 'task=refund')).toBe(each);
  const none = await runIn(place, 'replay', 'plan', '--since', '2019-01-01', '--until', '2020-01-01', '--against', 'plain');
  expect(none.code).toBe(5);
  const twice = await runIn(place, 'replay', 'plan', '--tag', 'task=refund', '--tag', 'task=other', '--against', 'plain');
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('--tag task is given twice')]);
  expect(await planned('--where', "tenant_id = 'acme' AND conversation_id LIKE '%-0'")).toBe(8);
  // Conversations have four requests each, and none is split.
  expect((await planned('--sample', '10', '--whole-conversations')) % 4).toBe(0);
  expect(await gateway.end('SIGTERM')).toBe(0);
});
