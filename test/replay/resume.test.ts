/** A killed run resumes: no finished call is sent twice, every item is there once, and the cap includes what may have been billed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Job, Journal, progressOf } from '../../replay/run/journal.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { Workspace } from '../hindcast.ts';

const job = (n: number): Job => ({ request: `r${n}`, arm: 'sim/large', repeat: 0 });

test('a journal with an incomplete last line is read up to there, and continued', () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  const path = join(folder, 'journal.jsonl');
  const first = new Journal(path);
  first.begin(job(1), 100);
  first.settle(job(1), 'ok', 40);
  first.begin(job(2), 100);
  first.close();
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"type":"done","requ`);
  const second = new Journal(path);
  expect(second.open).toEqual([job(2)]);
  second.giveUp();
  second.begin(job(2), 100);
  second.settle(job(2), 'ok', 30);
  expect(second.progress).toEqual({ done: 2, failed: 0, lost: 1, lostWorst: 100, spent: 170 });
  second.close();
  expect(progressOf(path)).toMatchObject({ done: 2, lost: 1, spent: 170, open: 0 });
  rmSync(folder, { recursive: true });
});

test('wherever a journal is cut, each begun call is done, open or absent, and the cost covers it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  const path = join(folder, 'journal.jsonl');
  const steps = fc.array(fc.record({ n: fc.nat(20), worst: fc.nat(1_000), actual: fc.nat(1_000), ends: fc.boolean() }), { maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.nat(4_000), (all, cut) => {
      rmSync(path, { force: true });
      const journal = new Journal(path);
      for (const { n, worst, actual, ends } of all) {
        journal.begin(job(n), worst);
        if (ends) journal.settle(job(n), 'ok', Math.min(worst, actual));
      }
      journal.close();
      const complete = readFileSync(path, 'utf8');
      writeFileSync(path, complete.slice(0, cut));
      const reopened = new Journal(path);
      const lines = complete
        .slice(0, cut)
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as { type: string; cost?: number });
      expect(reopened.progress.spent).toBe(lines.reduce((sum, line) => sum + (line.cost ?? 0), 0));
      reopened.giveUp();
      expect(reopened.open).toEqual([]);
      reopened.close();
    }),
    { numRuns: 30 },
  );
  rmSync(folder, { recursive: true });
});

const config = (upstream: string): string => `
server: { port: 0 }
store: { port: 0 }
providers:
  slow: { api: openai, base_url: "${upstream}/v1", allow_private: true, key: none }
prices: { slow/model: { input: 1, output: 10 } }
`;

/** The call at which the run is killed: some have ended, and some have not begun. */
const seed = process.env.HINDCAST_SEED ?? (process.env.HINDCAST_LONG ? String(Date.now()) : '1');
const moments = Array.from(
  { length: process.env.HINDCAST_LONG ? 12 : 1 },
  (_, round) => 90 + Math.floor(seededUniform(seed, `kill ${round}`) * 180),
);

test.each(moments)(
  'kill -9 at call %i of 300, with 64 under way: resumed, each item is there once and no money passes the cap',
  {
    timeout: 120_000,
  },
  async moment => {
    let calls = 0;
    let reached: () => void = () => {};
    const server = createServer((request, response) => {
      request.resume();
      calls++;
      if (calls === moment) reached();
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          '{"id":"x","object":"chat.completion","created":1,"model":"model","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}',
        );
      }, 60);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    await using place = new Workspace(config(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    const items = Array.from({ length: 300 }, (_, i) =>
      JSON.stringify({
        custom_id: `item-${i}`,
        body: { model: 'slow/model', max_tokens: 20, messages: [{ role: 'user', content: `Question ${i}` }] },
      }),
    );
    place.write('items.jsonl', items.join('\n'));

    // A call costs about 240 times 1,000 nano-dollars; all calls, with those lost by the kill, stay below this.
    const cap = 0.16;
    const half = new Promise<void>(resolve => {
      reached = resolve;
    });
    const run = place.start('replay', 'run', '--from', 'items.jsonl', '--against', 'slow/model', '-j', '64', '--max-cost', String(cap));
    await half;
    run.kill('SIGKILL');
    await run.ended;

    const before = JSON.parse((await place.run('replay', 'status', '--json')).stdout) as {
      state: string;
      done: number;
      possibly_billed_twice: number;
    };
    expect(before.state).toBe('interrupted');
    expect(before.done).toBeGreaterThan(0);
    expect(before.done).toBeLessThan(300);
    expect(before.possibly_billed_twice).toBeLessThanOrEqual(64);

    const resumed = await place.run('replay', 'resume', '--json');
    expect([resumed.code, resumed.stderr]).toEqual([0, '']);
    const report = JSON.parse(resumed.stdout) as {
      before: number;
      asked: number;
      left: number;
      spent_usd: number;
      possibly_billed_twice: number;
    };
    expect(report.before + report.asked).toBe(300);
    expect(report.left).toBe(0);
    expect(report.spent_usd).toBeLessThanOrEqual(cap);
    // No finished call was sent again: only those in flight at the kill.
    expect(calls).toBeLessThanOrEqual(300 + 64);
    expect(calls).toBeLessThanOrEqual(300 + report.possibly_billed_twice);

    const gateway = await place.serve();
    const rows = async (query: string): Promise<string> => (await fetch(`${gateway.storeUrl}/?query=${encodeURIComponent(query)}`)).text();
    expect((await rows('SELECT count(), uniqExact(request_id) FROM replay_results')).trim()).toBe('300\t300');
    expect((await rows('SELECT count(), uniqExact(replay_of) FROM requests')).trim()).toBe('300\t300');
    expect(JSON.parse((await place.run('replay', 'status', '--json')).stdout)).toMatchObject({ state: 'finished', done: 300, left: 0 });
    await gateway.end('SIGTERM');
    server.close();
    server.closeAllConnections();
  },
);
