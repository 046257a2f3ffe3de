/** Several processes behind one port: all get requests, metrics cover all, a dead one is replaced, and no record is lost. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeMetrics } from '../../gateway/workers/merge.ts';
import { Workspace } from '../hindcast.ts';

const hi = JSON.stringify({ model: 'sim/small', messages: [{ role: 'user', content: 'hi' }] });
const ask = async (url: string): Promise<number> => {
  // Without keep-alive each request may reach another worker.
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: hi });
  await response.text();
  return response.status;
};

const countsOf = async (url: string): Promise<readonly number[]> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^hindcast_requests_total\{worker="\d+",.*\} (\d+)$/gm)].map(([, count]) => Number(count));
};

const workersOf = (pid: number): readonly number[] =>
  spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)])
    .stdout.toString()
    .split('\n')
    .filter(line => /main\.ts serve/.test(line))
    .map(line => Number.parseInt(line, 10));

const tailed = 6;

/** Whichever worker serves it, a tail shows what both answered, and the list of what is in flight has the requests of both. */
async function expectSharedView(url: string): Promise<void> {
  const leaving = new AbortController();
  const tail = await fetch(`${url}/admin/api/v1/tail`, { signal: leaving.signal });
  const slow = JSON.stringify({ model: 'sim/small:ttft=1200', messages: [{ role: 'user', content: 'hi' }] });
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const requested = Array.from({ length: tailed }, () => fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: slow }));
  const inFlight = async (): Promise<readonly { readonly id: string; readonly worker: number }[]> =>
    ((await (await fetch(`${url}/admin/api/v1/in-flight`, { headers: { connection: 'close' } })).json()) as { data: [] }).data;
  await expect.poll(async () => (await inFlight()).length, { timeout: 10_000, interval: 5 }).toBe(tailed);
  expect(new Set((await inFlight()).map(({ worker }) => worker))).toEqual(new Set([0, 1]));
  const ids = new Set((await Promise.all(requested)).map(response => response.headers.get('x-request-id')!));
  let text = '';
  for await (const chunk of tail.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if ([...ids].every(id => text.includes(id))) break;
  }
  leaving.abort();
  await expect.poll(inFlight, { timeout: 10_000 }).toEqual([]);
}

test('two workers share the port and the recorder, and a killed one is replaced without a lost record', async () => {
  await using place = new Workspace('server: { port: 0, workers: 2 }\nstore: { port: 0 }\n');
  const gateway = await place.serve();
  for (let i = 0; i < 8; i++) expect(await ask(gateway.url)).toBe(200);
  const counts = await countsOf(gateway.url);
  expect(counts).toHaveLength(2);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(8);
  await expectSharedView(gateway.url);
  const before = workersOf(gateway.pid);
  expect(before).toHaveLength(2);
  process.kill(before[0]!, 'SIGKILL');
  await expect.poll(() => workersOf(gateway.pid).filter(pid => !before.includes(pid)).length, { timeout: 30_000 }).toBe(1);
  for (let i = 0; i < 4; i++) expect(await ask(gateway.url)).toBe(200);
  await gateway.flush();
  const stored = async (): Promise<number> => {
    const answer = await fetch(gateway.storeUrl, { method: 'POST', body: 'SELECT count() FROM requests FORMAT TabSeparated' });
    return Number(await answer.text());
  };
  await expect.poll(stored, { timeout: 30_000 }).toBe(12 + tailed);
  expect(await gateway.end('SIGTERM')).toBe(0);
  expect(workersOf(gateway.pid)).toEqual([]);
}, 90_000);

test('an error at the start is printed once, however many workers there are', async () => {
  await using place = new Workspace('server: { port: 1, host: 127.0.0.1, workers: 2 }\nstore: { port: 0 }\n');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { code, stderr } = await place.run('serve', '--port', String((taken.address() as AddressInfo).port));
  taken.close();
  expect(code).toBe(2);
  expect(stderr.match(/is in use/g)).toHaveLength(1);
}, 90_000);

test('merged metrics have every family once and every sample with its worker', () => {
  const page = fc
    .uniqueArray(fc.stringMatching(/^[a-z]{3,8}$/), { minLength: 1, maxLength: 4 })
    .map(
      names =>
        `${names.flatMap(name => [`# HELP ${name} It.`, `# TYPE ${name} gauge`, `${name}{a="{ }"} 1`, `${name} 2`]).join('\n')}\n# EOF\n`,
    );
  fc.assert(
    fc.property(page, page, (first, second) => {
      const merged = mergeMetrics(
        new Map([
          [0, first],
          [1, second],
        ]),
      );
      const samples = (text: string): number => text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length;
      const types = [...merged.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
      expect(new Set(types).size).toBe(types.length);
      expect(samples(merged)).toBe(samples(first) + samples(second));
      expect(merged.match(/^\w+\{worker="[01]"(,a="\{ \}")?\} [12]$/gm)).toHaveLength(samples(merged));
      expect(merged.match(/worker="1"/g)).toHaveLength(samples(second));
      expect(merged).toMatch(/\n# EOF\n$/);
    }),
    { numRuns: 50 },
  );
});
