/** The bench's receiver: a recorder believes it, or no figure of the bench is of a recorded request. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { columnsOf } from '../../recorder/rows/tables.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { connect, type Store } from '../../recorder/store/store.ts';
import { rowsOf } from '../recorder/encoded-rows.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';
import { fileHere, stopProcess } from './processes.ts';

const sink = spawn(process.execPath, [fileHere('sink.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
let url = '';
let store: Store;
beforeAll(async () => {
  const [line] = (await once(sink.stdout, 'data')) as [Buffer];
  url = line.toString().trim();
  store = connect({ url, username: 'default', password: '' });
});
afterAll(async () => {
  await store.close();
  await stopProcess(sink);
});

test('takes migrations and rows as ClickHouse does, and counts each request once', async () => {
  await migrate(store);
  const { requests } = rowsOf(plainExchange(), { records: 90, payloads: 30 });
  const names = columnsOf('requests').map(({ name }) => name);
  for (const token of ['first', 'again']) await store.insertBinary('requests', names, requests.bytes, token);
  expect(await (await fetch(`${url}/count`)).json()).toEqual({ requests: 1, rows: 2, spans: 0 });
});
