/** What a request may allocate and promise, held by counts: the gateway as it comes, recording to a receiver that counts. */
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { base, type Cell, cellNamed, chunksOf } from './cells.ts';
import { countsOf, promisesDuring } from './counts.ts';
import { orderOf, runLoad } from './measure.ts';
import { fileHere, forkNode, type Started, startNode, stopProcess, waitForOutput } from './processes.ts';
import { type Running, serveToSink } from './subjects.ts';

let upstream: Started;
let load: ChildProcess;
let gateway: Running;

beforeAll(async () => {
  upstream = startNode('others', [fileHere('upstream.ts')], tmpdir(), 'inherit');
  load = forkNode('others', fileHere('load.ts'));
  gateway = await serveToSink(await waitForOutput(upstream, /(http:\S+)/), {});
});

afterAll(async () => {
  await Promise.all([gateway?.end(), stopProcess(load), stopProcess(upstream.child)]);
});

/** A second each: all streams are open at once. */
const streamed: Cell = { ...cellNamed('sse')!, concurrency: 96, requests: 96 };

/**
 * Before the compiler has come to rest more is allocated than after, and on a busy machine each record is written by itself, which takes a
 * dozen promises that many would share; the bounds leave room for both.
 */
test.each([
  { what: 'a plain request', cell: { ...base, requests: 2_000 }, warmup: 2_000, kbMax: 100, promisesMax: 14 },
  { what: 'a streamed chunk', cell: streamed, warmup: 96, kbMax: 9, promisesMax: 16 },
])(
  '$what allocates at most $kbMax KB, and its request makes at most $promisesMax promises',
  async ({ cell, warmup, kbMax, promisesMax }) => {
    const order = orderOf(gateway, cell);
    expect(await runLoad(load, { ...order, requests: warmup })).toMatchObject({ failed: 0 });
    const before = await countsOf(gateway.pid);
    await runLoad(load, order);
    const after = await countsOf(gateway.pid);
    const kb = (after.allocatedBytes - before.allocatedBytes) / 1024 / cell.requests / chunksOf(cell);
    const requests = Math.min(cell.requests, 200);
    const promises = (await promisesDuring(gateway.pid, () => runLoad(load, { ...order, requests }))) / requests;
    if (process.env.HINDCAST_SHOW_COUNTS) console.log(cell.name, kb.toFixed(1), 'KB', promises.toFixed(2), 'promises');
    expect(kb).toBeLessThanOrEqual(kbMax);
    expect(promises).toBeLessThanOrEqual(promisesMax);
  },
);
