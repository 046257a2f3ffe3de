/** A run ends as soon as its sequential gate is decided. */
import { expect, test } from 'vitest';
import { Workspace } from '../hindcast.ts';
import { runIn } from '../in-process.ts';

const gate = (sequential: boolean): string => `
version: 1
baseline: recorded
candidate: { arm: "sim/large:ttft=1:tps=100000" }
data: { since: 1h, run: latest }
statistics: { sequential: ${sequential} }
gates:
  - { name: it answers, metric: error_rate, assert: "value < 60%" }
`;

test('calls that cannot change the verdict are not made', { timeout: 120_000 }, async () => {
  await using place = new Workspace(`
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
`);
  place.write('gate.yaml', gate(true));
  place.write('once.yaml', gate(false));
  const gateway = await place.serve();
  const ask = (i: number) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sim/small:ttft=1:tps=100000', messages: [{ role: 'user', content: `Question ${i}` }] }),
    }).then(response => response.text());
  for (let i = 0; i < 300; i += 10) await Promise.all(Array.from({ length: 10 }, (_, j) => ask(i + j)));
  const stored = async (): Promise<string> => (await fetch(`${gateway.storeUrl}/?query=SELECT%20count()%20FROM%20requests`)).text();
  await gateway.flush();
  await expect.poll(stored, { timeout: 20_000 }).toBe('300\n');
  const run = ['replay', 'run', '--since', '1h', '--against', 'sim/large:ttft=1:tps=100000', '--rpm', 'sim=1200', '--json'] as const;
  const once = await runIn(place, ...run, '--stop-when-decided', 'once.yaml');
  expect([once.code, once.stderr]).toEqual([2, expect.stringContaining('write statistics: { sequential: true } in it')]);
  const decided = await runIn(place, ...run, '--stop-when-decided', 'gate.yaml');
  expect([decided.code, decided.stderr]).toEqual([0, expect.stringContaining('gate.yaml: PASS, decided by the data so far.')]);
  const { asked: requested, left, stoppedBy } = JSON.parse(decided.stdout);
  expect(stoppedBy).toBe('decided');
  expect(left).toBeGreaterThan(0);
  expect(requested + left).toBe(300);
  expect((await runIn(place, 'eval', 'gate', 'gate.yaml')).code, 'and so says the gate afterwards').toBe(0);
  await gateway.end('SIGINT');
});
