import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../../recorder/engine/server.ts';
import { loadAddon } from '../../recorder/engine/session/addon.ts';
import { columnsOf } from '../../recorder/rows/tables.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { connect } from '../../recorder/store/store.ts';
import { rowsOf } from '../recorder/encoded-rows.ts';
import { exchangesOf } from './rows.ts';

const mode = process.argv[2] ?? '';
const B = 2500;
const N = Number(process.argv[3] ?? 6);
const dir = fs.mkdtempSync(os.tmpdir() + '/hrec-');
const engine = await startEngine({ path: dir + '/e', host: '127.0.0.1', port: 0, writerKey: 'kkkkkkkk' });
const store = connect({ url: engine.url, username: 'writer', password: 'kkkkkkkk' });
await migrate(store);
for (const m of mode.matchAll(/cmd:([^;]+)/g)) await store.command(m[1]!);
const addon: any = await loadAddon();
const s = new addon.Session(dir + '/e');
if (mode.includes('nomv'))
  for (const v of await store.select<any>("SELECT name FROM system.tables WHERE database='default' AND engine='MaterializedView'"))
    await store.command('DROP VIEW ' + v.name);
for (const m of mode.matchAll(/alter:(\w+):([^;]+);?/g)) await store.command(`ALTER TABLE ${m[1]} MODIFY SETTING ${m[2]}`);
if (mode.includes('stopm')) for (const t of ['payloads', 'attempts', 'requests']) await s.queryAsync('SYSTEM STOP MERGES ' + t);
const tables = ['payloads', 'attempts', 'requests'] as const;
const extra = /set:([^;]+)/.exec(mode)?.[1] ?? 'max_threads=1, max_insert_threads=1';
const batches = Array.from({ length: N + 1 }, (_, k) => {
  const ex = exchangesOf(B, 3072, Date.now() - k * 20000);
  const rows = ex.map(e => rowsOf(e, { records: 90, payloads: 30 }));
  return Object.fromEntries(tables.map(t => [t, Buffer.concat(rows.map(r => r[t].bytes))]));
});
const per: any = {};
let out = 0;
for (const [k, b] of batches.entries())
  for (const t of tables) {
    const f = join(dir, 'x');
    const c0 = process.cpuUsage();
    fs.writeFileSync(f, b[t]!);
    const cols = columnsOf(t);
    const r = await s.queryAsync(
      `INSERT INTO ${t} (${cols.map(c => c.name).join(', ')}) SETTINGS ${extra}, insert_deduplication_token='t${k}${t}' SELECT * FROM file('${f}', 'RowBinary', '${cols
        .map(c => `\`${c.name}\` ${c.type}`)
        .join(', ')
        .replace(/'/g, "\\'")}')`,
      { format: 'Null' },
    );
    const c = process.cpuUsage(c0);
    if (k > 0) per[t] = (per[t] ?? 0) + c.user + c.system;
    out = r.rowsRead;
  }
let total = 0;
for (const t of tables) {
  per[t] = Math.round(per[t] / N / 1000);
  total += per[t];
}
console.log(
  mode,
  JSON.stringify(per),
  'ms/batch',
  total,
  'us/ex',
  ((total * 1000) / B).toFixed(1),
  'rowsRead',
  out,
  'hwm',
  /VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1],
);
const n = await store.select<any>(
  "SELECT table, count() AS parts, sum(data_compressed_bytes) AS b, any(part_type) AS t FROM system.parts AS p WHERE active AND database='default' AND p.rows>0 AND table IN ('payloads','attempts','requests') GROUP BY table",
);
console.log(JSON.stringify(n));
await store.close();
await engine.close();
fs.rmSync(dir, { recursive: true, force: true });
process.exit(0);
