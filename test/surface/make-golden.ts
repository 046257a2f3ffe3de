/**
 * Made test/fixtures/store-0.1.0 once, with Hindcast 0.1.0, the simulated provider and the embedded engine; the tests read what it wrote.
 * It is kept to tell how each file came about, and is not run again: a later version would write its own forms.
 *
 *   node test/surface/make-golden.ts FOLDER
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import { type Gateway, Workspace } from '../hindcast.ts';
import { runCommands } from './run-commands.ts';
import { traffic } from './traffic.ts';

const out = resolve(process.argv[2] ?? 'store-0.1.0');

/** Rows are kept for decades, so that the store can be read whenever the tests run. */
const config = `server: { port: 0 }
store: { port: 0 }
recorder: { retention: { records: 10000, payloads: 10000, scores: 10000, replays: 10000, audit: 10000 } }
providers: { sim: { api: simulated } }
prices: { "sim/small": { input: 1, output: 2 }, "sim/large": { input: 10, output: 20 } }
routes:
  next: sim/large
  hedged: { steps: [{ target: sim/small }, { target: sim/large, hedge_after: 20ms }] }
  smart:
    steps: [{ target: sim/small, accept: { confidence: 0.74 } }, { target: sim/large }]
    audit_probability: 0.5
    variants: [{ route: next, rollout: { stages: [0.01, 1], every: 1h, max_error_rate: 0.5 } }]
tenants: { default: { budget: { usd: 100, per: month }, limits: { rpm: 100000 } } }
`;

async function query({ storeUrl }: Gateway, sql: string): Promise<string> {
  return (await (await fetch(storeUrl, { method: 'POST', body: sql })).text()).trimEnd();
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++, await sleep(100)) if (await holds()) return;
  throw new Error(`it did not come to pass: ${what}`);
}

const outcomes = Array.from({ length: 200 }, (_, i) => {
  const sure = i % 10 < 7;
  const right = sure ? i % 100 !== 3 : i % 3 === 0;
  const small = { quality: right ? 1 : 0, confidence: sure ? 0.9 : 0.4, cost: 0.001 };
  return JSON.stringify({
    id: `q${i}`,
    targets: { 'sim/small': small, 'sim/large': { quality: 1, cost: 0.01 } },
  });
});

const gate = `version: 1
name: prices
baseline: { target: sim/large }
candidate: { chain: [sim/small, sim/large], thresholds: [0.8] }
data: { outcomes: outcomes.jsonl }
gates:
  - { name: no worse, metric: quality, assert: "delta > -5pp" }
  - { name: cheaper, metric: cost_per_1k, assert: "delta < -20%" }
`;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await using place = new Workspace(config);
const spool = join(place.folder, 'hindcast-data/spool');
const segments = (): readonly string[] =>
  readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter(name => /\.(seg|open)/.test(name));
place.write('outcomes.jsonl', outcomes.join('\n'));
place.write('gate.yaml', gate);

// What reached the store, and what was made of it.
const first = await place.serve();
const stored = await traffic(first, [1, 2, 3, 4, 5, 6]);
await until(
  'the records are in the store',
  async () => Number(await query(first, "SELECT count() FROM requests WHERE run_id = ''")) === stored.length,
);
const all = (lines: readonly string[]) =>
  runCommands(
    place.folder,
    lines.map(line => line.split(' ')),
  );
const labelled = await all([
  'replay run --since 1h --route smart --against sim/small --against sim/large -j 32 --json',
  'replay dataset create golden --since 1h --route smart',
  'eval score --scorer regex=a --name quality',
  'eval label --run latest -o labels.csv --sample 4',
  'eval snapshot --chain sim/small,sim/large --run latest -o snapshot.jsonl',
  'eval certify --chain sim/small,sim/large --outcomes outcomes.jsonl --max-loss 10pp -o certificate.json',
  'eval certify --chain sim/small,sim/large --outcomes outcomes.jsonl --max-loss 10pp --max-errors 20% --manifest manifest.json -o certificate-of-more.json',
  'eval gate gate.yaml',
  'store export -o records.jsonl --payloads --route smart --limit 4',
]);
for (const { code, stderr } of labelled) if (code !== 0) throw new Error(`a command ended with ${code}: ${stderr}`);
const { run } = JSON.parse(labelled[0]!.stdout) as { run: string };
const [head, ...rows] = place.read('labels.csv').trim().split('\n');
place.write('labels.csv', [head, ...rows.map((row, i) => row.replace(/,?\s*$/, i % 2 === 0 ? ',y' : ',n'))].join('\n'));
await all(['eval label --import labels.csv --run latest --by anna']);

// A run that was killed: some of its calls are done, one was begun, the others wait.
const known = new Set(readdirSync(join(place.folder, 'hindcast-data/runs')));
const killed = place.start('replay', 'run', '--since', '1h', '--route', 'smart', '--against', 'sim/large', '-j', '1', '--repeat', '2');
const begun = (): string | undefined => readdirSync(join(place.folder, 'hindcast-data/runs')).find(name => !known.has(name));
await until('two calls are done', () => {
  const name = begun();
  return name !== undefined && (place.read(`hindcast-data/runs/${name}/journal.jsonl`).match(/"done"/g)?.length ?? 0) >= 2;
});
killed.kill('SIGKILL');
await killed.ended;
await until('everything is shipped', () => segments().length === 0);
await sleep(1_000);
const reported = await query(first, `SELECT policy, events FROM requests WHERE run_id = '' FORMAT JSONEachRow`);
const judged = reported.split('\n').map(line => JSON.parse(line) as { readonly policy: string; readonly events: string });
const tables = 'requests attempts payloads scores replay_results runs schema_migrations audit'.split(' ');
const counts = Object.fromEntries(
  await Promise.all(tables.map(async table => [table, Number(await query(first, `SELECT count() FROM ${table}`))] as const)),
);
await first.end('SIGTERM');
cpSync(join(place.folder, 'hindcast-data'), join(out, 'data'), { recursive: true });

// What waits in the spool: the recorder stands still while it is asked for, so that the segments are sealed and not shipped.
const second = await place.serve();
const recorder = execFileSync('pgrep', ['-P', String(second.pid)], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .map(Number);
for (const pid of recorder) process.kill(pid, 'SIGSTOP');
const waiting = [...(await traffic(second, [11, 12]))];
await sleep(1_500);
waiting.push(...(await traffic(second, [])));
await until('all segments are sealed', () => segments().length > 1 && !segments().some(name => name.includes('open')));
cpSync(spool, join(out, 'data/spool'), { recursive: true });
for (const pid of [...recorder, second.pid]) process.kill(pid, 'SIGKILL');

for (const name of readdirSync(join(out, 'data'), { recursive: true, encoding: 'utf8' }))
  if (/(^|\/)lock(-journal)?$/.test(name)) rmSync(join(out, 'data', name));
const archive = execFileSync('tar', ['c', '-C', join(out, 'data'), 'engine', 'spool'], { maxBuffer: 2 ** 26 });
writeFileSync(join(out, 'engine-and-spool.tar.zst'), zstdCompressSync(archive, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }));
for (const name of ['engine', 'spool', 'engine.json', 'writer.key']) rmSync(join(out, 'data', name), { recursive: true, force: true });
for (const name of [
  'outcomes.jsonl',
  'gate.yaml',
  'labels.csv',
  'snapshot.jsonl',
  'certificate.json',
  'certificate-of-more.json',
  'manifest.json',
  'records.jsonl',
])
  writeFileSync(join(out, name), readFileSync(join(place.folder, name)));
writeFileSync(join(out, 'hindcast.yaml'), config);
for (const column of ['policy', 'events'] as const) {
  // In each form once: what differs is a number only.
  const forms = new Map(judged.map(row => [row[column].replace(/[\d.]+/g, '0'), row[column]]));
  writeFileSync(join(out, `${column}.json`), `[\n${[...forms.values()].join(',\n')}\n]\n`);
}
writeFileSync(join(out, 'expected.json'), `${JSON.stringify({ run, killed: begun(), counts, stored, waiting }, null, 2)}\n`);
