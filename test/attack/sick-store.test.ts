/** A store that is sick in every way an HTTP server can be is "down": the recorder starts, says so, keeps the records, and ships them when it is well. */
import { existsSync } from 'node:fs';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../gateway/settings/secret.ts';
import { rejectedFolder, spoolRoot } from '../../recorder/files/paths.ts';
import { startRecorder } from '../../recorder/process/supervisor.ts';
import { openSpool } from '../../recorder/spool/spool.ts';
import { isConfigurationError } from '../../recorder/store/store-down.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';
import { engineMissing, startTestEngine, temporaryFolder, writerKey } from '../recorder/running-engine.ts';
import { settingsIn } from '../recorder/settings.ts';
import { report } from './report.ts';

const exception = (code: number, text: string) => (response: ServerResponse) =>
  response.writeHead(500, { 'x-clickhouse-exception-code': String(code) }).end(`Code: ${code}. DB::Exception: ${text}`);

const sicknesses: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  'answers 500': response => response.writeHead(500).end('internal error'),
  'is short of memory': exception(241, 'Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)'),
  'is the page of a proxy': response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>\n'),
  'acknowledges with an empty page': response => response.writeHead(200).end(),
  'never answers': () => {},
  'answers half': response => {
    response.writeHead(200, { 'content-length': '1000', 'x-clickhouse-query-id': 'q' }).write('abc');
    setTimeout(() => response.destroy(), 20);
  },
  'is read-only': exception(242, 'Table is in readonly mode. (TABLE_IS_READ_ONLY)'),
  'has too many parts': exception(252, 'Too many parts (300). (TOO_MANY_PARTS)'),
};

/** A store that is sick until it is healed; then everything goes to the real one. */
async function startSickStore(sickness: (response: ServerResponse) => unknown) {
  let healthy: URL | undefined;
  const waiting = new Set<ServerResponse>();
  const pass = (incoming: IncomingMessage, response: ServerResponse, to: URL): void => {
    const options = { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: incoming.headers };
    incoming.pipe(
      forward(options, answer => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      }).on('error', () => response.destroy()),
    );
  };
  const server = createServer((incoming, response) => {
    if (healthy) return pass(incoming, response, healthy);
    incoming.resume().on('end', () => {
      waiting.add(response);
      sickness(response);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heal(url: string): void {
      healthy = new URL(url);
      for (const response of waiting) response.destroy();
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Each has a recorder process of its own. */
const tried = Object.entries(sicknesses).filter(
  ([name]) => process.env.HINDCAST_LONG || name === 'is the page of a proxy' || name === 'never answers',
);
const perStore = 5;
const spoolOptions = { durability: 'process', whenFull: 'refuse', bytesMax: 1e9 } as const;

describe.skipIf(engineMissing)(`A store${engineMissing}`, { timeout: 60_000 }, () => {
  it(`that ${tried.map(([name]) => name).join(', ')} is down: nothing is lost, doubled or set aside`, async () => {
    const engine = await startTestEngine();
    const patients = await Promise.all(
      tried.map(async ([name, sickness]) => {
        const store = await startSickStore(sickness);
        const path = temporaryFolder();
        const settings = settingsIn(path, { url: store.url, username: 'writer', password: new Secret(writerKey) });
        const lines: string[] = [];
        const recorder = await startRecorder(settings, line => lines.push(line));
        const sink = openSpool(join(spoolRoot(path), 'gateway-0'), { ...spoolOptions, root: spoolRoot(path) });
        for (let i = 0; i < perStore; i++) await sink.record(plainExchange());
        return { name, store, path, recorder, sink, lines };
      }),
    );
    for (const { name, recorder, lines } of patients) {
      expect(lines.join('\n'), name).toMatch(/out of reach; records wait in the spool/);
      await expect.poll(() => recorder.stats()?.queueSegments, { timeout: 15_000, message: name }).toBe(1);
      await expect.poll(() => recorder.stats()?.warnings, { timeout: 15_000, message: name }).not.toEqual([]);
    }
    for (const { store } of patients) store.heal(engine.url);
    const stored = () =>
      engine.writer.select<{ n: number; ids: number }>('SELECT count() AS n, uniqExact(request_id) AS ids FROM requests');
    const all = perStore * patients.length;
    await expect.poll(() => stored().catch(() => []), { timeout: 40_000 }).toEqual([{ n: all, ids: all }]);
    for (const { name, path, recorder, sink, store } of patients) {
      expect(existsSync(rejectedFolder(spoolRoot(path))), name).toBe(false);
      await sink.close();
      await recorder.close();
      store.close();
      report('sick store', `${name}: ${perStore} of ${perStore} records stored once after it was well`);
    }
    await engine.close();
  });
});

it('only the account, the database and the tables of a server are mistakes of the configuration', () => {
  const of = (code: number) => isConfigurationError(Object.assign(new Error('x'), { code: String(code) }));
  expect([516, 81, 497].map(of)).toEqual([true, true, true]);
  expect([241, 242, 252, 159, 999].map(of)).toEqual([false, false, false, false, false]);
  expect(isConfigurationError(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toBe(false);
});
