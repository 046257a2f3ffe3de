/** Every panel explains itself, its committed JSON is what the code builds, and its query runs in the real engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { boards } from '../../dashboards/boards.ts';
import { builtFiles, sqlOf } from '../../dashboards/build.ts';
import { expandMacros } from '../../dashboards/macros.ts';
import { Place } from '../hindcast.ts';

const panels = boards.flatMap(board => board.panels);
const folder = join(import.meta.dirname, '../../dashboards');

describe('dashboards', () => {
  test('are committed as the code builds them (npm run dashboards)', () => {
    for (const { path, text } of builtFiles()) expect(readFileSync(path, 'utf8'), path).toBe(text);
    expect(readdirSync(join(folder, 'grafana'))).toHaveLength(boards.length);
  });

  test('give each panel a title, a description and a unit, and each query a panel', () => {
    for (const { title, description, unit } of panels) for (const text of [title, description, unit]) expect(text).not.toBe('');
    const files = readdirSync(join(folder, 'queries')).map(name => name.replace('.sql', ''));
    expect(new Set(panels.map(panel => panel.query))).toEqual(new Set(files));
  });

  test('ask only what the store answers, as the account that only reads', { timeout: 90_000 }, async () => {
    await using place = new Place(`
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: "sim/small:ttft=1:tps=9999", accept: { confidence: 0.74 } }, { target: "sim/large:ttft=1:tps=9999" }] }
  broken: { steps: [{ target: "sim/small:status=500", retries: 0 }] }
`);
    const gateway = await place.serve();
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 });
    const ask = (model: string, i: number) =>
      openai.chat.completions.create({ model, messages: [{ role: 'user', content: `Question ${i}?` }] });
    for (let i = 0; i < 10; i++) await ask('smart', i);
    await expect(ask('broken', 0)).rejects.toThrow();
    const client = createClient({ url: gateway.storeUrl });
    const rows = async (query: string): Promise<unknown[]> => (await client.query({ query, format: 'JSONEachRow' })).json();
    await expect.poll(async () => (await rows('SELECT 1 FROM requests')).length, { timeout: 15_000 }).toBe(11);
    expect((await place.run('replay', 'run', '--since', '1h', '--route', 'smart', '--against', 'sim/large:ttft=1:tps=9999')).code).toBe(0);
    const now = Math.floor(Date.now() / 1000);
    for (const { query } of panels) {
      const sql = expandMacros(sqlOf(query), { from: now - 86_400, to: now + 3_600, tenants: ['default'] });
      expect((await rows(sql)).length, query).toBeGreaterThan(0);
    }
    await client.close();
    expect(await gateway.end('SIGINT')).toBe(0);
  });
});
