/** What a reader of the store can do to the recorder: nothing. Over the real recorder process, with the real engine. */
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEngineAddress, readWriterKey, spoolRoot } from '../../recorder/files/paths.ts';
import { type Recorder, startRecorder } from '../../recorder/process/supervisor.ts';
import { openSpool } from '../../recorder/spool/spool.ts';
import { connect, type Store } from '../../recorder/store/store.ts';
import { plainExchange, temporaryFolder } from '../recorder/plain-exchange.ts';
import { engineMissing } from '../recorder/running-engine.ts';
import { settingsIn } from '../recorder/settings.ts';
import { hostileStatements } from './hostile-statements.ts';
import { report } from './report.ts';

const isLong = Boolean(process.env.HINDCAST_LONG);
const pingMsMax = 1_000;
const shipMsMax = 10_000;

const folder = temporaryFolder();
const lines: string[] = [];
let recorder: Recorder;
let writer: Store;
let sink: ReturnType<typeof openSpool>;
let slowestPingMs = 0;
let slowestShipMs = 0;
const pid = () => readEngineAddress(folder.path)?.pid;

/** Pings as long as `attack` lasts, and records one exchange meanwhile; the slowest of each. */
async function stayAlive(attack: Promise<unknown>): Promise<{ pingMs: number; shipMs: number }> {
  let ended = false;
  const over = attack.finally(() => {
    ended = true;
  });
  let pingMs = 0;
  const pinging = (async () => {
    while (!ended) {
      const startedAt = performance.now();
      expect((await fetch(`${recorder.storeUrl}/ping`)).status).toBe(200);
      pingMs = Math.max(pingMs, performance.now() - startedAt);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  })();
  const exchange = plainExchange();
  const startedAt = performance.now();
  await sink.record(exchange);
  const stored = async () =>
    (await writer.select<{ n: number }>(`SELECT count() AS n FROM requests WHERE request_id = '${exchange.id}'`))[0]?.n;
  await expect.poll(stored, { timeout: 30_000, interval: 200 }).toBe(1);
  const shipMs = performance.now() - startedAt;
  await over;
  await pinging;
  slowestPingMs = Math.max(slowestPingMs, pingMs);
  slowestShipMs = Math.max(slowestShipMs, shipMs);
  return { pingMs, shipMs };
}

/** A query of a reader without a password; aborted after `ms`. */
async function ask(sql: string, ms = isLong ? 1_500 : 1_000): Promise<string> {
  try {
    const response = await fetch(`${recorder.storeUrl}/`, { method: 'POST', body: sql, signal: AbortSignal.timeout(ms) });
    return `${response.status} ${(await response.text()).slice(0, 120)}`;
  } catch (error) {
    return (error as Error).name;
  }
}

describe.skipIf(engineMissing)(`Readers of the store${engineMissing}`, { timeout: 180_000 }, () => {
  beforeAll(async () => {
    recorder = await startRecorder(settingsIn(folder.path), line => lines.push(line));
    writer = connect({ url: recorder.storeUrl, username: 'writer', password: readWriterKey(folder.path)! });
    const root = spoolRoot(folder.path);
    sink = openSpool(join(root, 'gateway-0'), { durability: 'process', whenFull: 'refuse', bytesMax: 1e9, root, segmentAgeMs: 300 });
    expect(await ask('SELECT 1', 30_000)).toBe('200 1\n');
  }, 60_000);
  afterAll(async () => {
    await sink.close();
    await writer.close();
    await recorder.close();
    folder[Symbol.dispose]();
  });

  const kinds = Object.entries(hostileStatements);
  it.each(kinds)('stop nothing with %s', async (kind, statements) => {
    const before = pid();
    const chosen = isLong ? statements : statements.slice(0, 1);
    const answers: string[] = [];
    const { pingMs, shipMs } = await stayAlive(
      Promise.all(chosen.flatMap(sql => [ask(sql), ask(sql)]).map(async answer => answers.push(await answer))),
    );
    report(kind, `${chosen.length} statements, twice each at once: ${answers.map(answer => answer.slice(0, 3)).join(' ')}`, {
      pingMs,
      shipMs,
    });
    expect(pid()).toBe(before);
    expect(lines.filter(line => /ended|killed/.test(line))).toEqual([]);
  });

  it('stop nothing with expressions that a generator makes', async () => {
    const leaf = fc.constantFrom('number', '1', "'a'", "repeat('ab', 50000)", 'range(100000)', 'NULL', "toDate('2026-01-01')");
    const names = 'editDistance sipHash64 arrayMap match repeat concat range arraySort if toString length cityHash64 reverse plus'.split(
      ' ',
    );
    const expression = fc.letrec<{ e: string }>(tie => ({
      e: fc.oneof(
        { depthSize: 'medium' },
        leaf,
        fc
          .tuple(fc.constantFrom(...names), fc.array(tie('e'), { minLength: 1, maxLength: 3 }))
          .map(([f, args]) => `${f}(${args.join(', ')})`),
        fc.tuple(tie('e'), fc.constantFrom('+', '||', '=', 'IN', 'LIKE'), tie('e')).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        tie('e').map(e => `(SELECT ${e} FROM numbers(1000) LIMIT 1)`),
      ),
    })).e;
    const requested = fc.assert(
      fc.asyncProperty(expression, async e => {
        await Promise.all([ask(`SELECT ${e} FROM numbers(100)`), ask(`SELECT ${e} FROM numbers(100) FORMAT JSONEachRow`)]);
      }),
      { numRuns: isLong ? 500 : 4 },
    );
    const { pingMs, shipMs } = await stayAlive(requested);
    report('generated expressions', `${isLong ? 500 : 4}, twice each`, { pingMs, shipMs });
  });

  it('stop nothing with 600 half-sent requests, and those are ended', async () => {
    const port = Number(new URL(recorder.storeUrl).port);
    const sockets: Socket[] = [];
    for (let i = 0; i < 600; i += 1) {
      const socket = connectSocket(port, '127.0.0.1', () =>
        socket.write(i % 2 ? 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nSELECT' : 'GET /?query=SEL'),
      );
      // An answer that nobody reads would hold the end back.
      socket.on('error', () => {}).resume();
      sockets.push(socket);
    }
    const { pingMs, shipMs } = await stayAlive(
      Promise.all(
        sockets.map(socket => new Promise<void>(resolve => (socket.destroyed ? resolve() : socket.once('close', () => resolve())))),
      ),
    );
    report('half-sent requests', '600 connections, all ended by the store', { pingMs, shipMs });
  });

  it('leave other readers answered, the one limit kept, and the recorder alive', async () => {
    expect(await ask('SELECT 1', 20_000)).toBe('200 1\n');
    expect(recorder.stats()!.readers.overrun).toBeGreaterThan(0);
    report('all of it', `${recorder.stats()!.readers.overrun} planners ended, ${recorder.stats()!.readers.stuck} statements given up`, {
      pingMs: slowestPingMs,
      shipMs: slowestShipMs,
    });
    expect(slowestPingMs).toBeLessThan(pingMsMax);
    expect(slowestShipMs).toBeLessThan(shipMsMax);
  });
});
