import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AdminAccessAudit, type AuditEntry } from '../../../gateway/observability/audit.ts';
import { type ChainRow, firstFault, hashOf } from '../../../recorder/audit/chain.ts';
import { openAudit } from '../../../recorder/audit/ledger.ts';

const entry: AuditEntry = { actor: 'local:me', action: 'export', tenant: '', subject: '/tmp/x', detail: { bytes: 1 } };
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'hindcast-audit-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

function chainOf(count: number): readonly ChainRow[] {
  const rows: ChainRow[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const bare = { ...entry, chain: 'c', seq, at: 1_000 + seq, detail: `{"n":${seq}}`, previous: rows.at(-1)?.hash ?? '' };
    rows.push({ ...bare, hash: hashOf(bare) });
  }
  return rows;
}
const headOf = (rows: readonly ChainRow[]) => ({ seq: rows.at(-1)!.seq, hash: rows.at(-1)!.hash });

test('whatever is changed, dropped, moved, doubled with other words or cut off the end is found at its number, and nothing else is', () => {
  const index = fc.nat({ max: 9 });
  fc.assert(
    fc.property(index, fc.constantFrom('actor', 'action', 'tenant', 'subject', 'detail', 'at', 'previous'), (i, field) => {
      const rows = chainOf(10);
      const head = headOf(rows);
      expect(firstFault(rows, 1, head)).toBeUndefined();
      const changed = rows.map((row, n) => (n === i ? { ...row, [field]: field === 'at' ? 7 : 'forged' } : row));
      expect(firstFault(changed, 1, head)).toMatchObject({ seq: i + 1, problem: 'was changed after it was written' });
      const forged = changed.map((row, n) => (n === i ? { ...row, hash: hashOf(row) } : row));
      expect(firstFault(forged, 1, head)).toMatchObject({ seq: i === 9 || field === 'previous' ? i + 1 : i + 2 });
      expect(
        firstFault(
          rows.filter((_, n) => n !== i),
          1,
          head,
        ),
      ).toMatchObject({ seq: i + 1, problem: 'is missing' });
      expect(firstFault(rows.slice(0, i), 1, head)).toMatchObject({ seq: i + 1 });
      const double = [...rows.slice(0, i + 1), { ...rows[i]!, subject: 'x' }, ...rows.slice(i + 1)];
      expect(firstFault(double, 1, head)).toMatchObject({ seq: i + 1 });
    }),
    { numRuns: 40 },
  );
  // The oldest have outlived their time.
  expect(firstFault(chainOf(10).slice(4), 5, headOf(chainOf(10)))).toBeUndefined();
});

test('processes that write at once make one chain', { timeout: 60_000 }, async () => {
  using place = folder();
  const program = `
    import { openAudit } from ${JSON.stringify(fileURLToPath(new URL('../../../recorder/audit/ledger.ts', import.meta.url)))};
    const ledger = openAudit(process.argv[1]);
    for (let i = 0; i < 20; i++) ledger.append({ actor: 'local:' + process.pid, action: 'a', tenant: '', subject: String(i), detail: {} });
    ledger.close();`;
  const run = promisify(execFile);
  await Promise.all([1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', program, place.path])));
  const ledger = openAudit(place.path);
  const rows = ledger.unshipped(100);
  expect(rows).toHaveLength(60);
  expect(new Set(rows.map(({ actor }) => actor)).size).toBe(3);
  expect(firstFault(rows, 1, ledger.head())).toBeUndefined();
  ledger.markShipped(59);
  expect(ledger.unshipped(100).map(({ seq }) => seq)).toEqual([60]);
  ledger.close();
  // Not a writer's right: the file is the operator's alone, but a change in it is seen all the same.
  const file = new DatabaseSync(join(place.path, 'audit.sqlite'));
  file.exec("UPDATE entries SET subject = 'nothing' WHERE seq = 7");
  file.close();
  const repeated = openAudit(place.path);
  repeated.writeFact('shipped', '0');
  expect(firstFault(repeated.unshipped(100), 1, repeated.head())).toMatchObject({ seq: 7 });
  repeated.close();
});

test('a page that looks at the fleet every second is one entry a minute, with how often it was; what is refused is another', () => {
  const received: AuditEntry[] = [];
  const calls = new AdminAccessAudit(sent => received.push(sent));
  for (let second = 0; second < 61; second++) calls.record('ops', '/admin/fleet', true, second * 1_000);
  calls.record('web', '/admin/fleet', false, 61_000);
  expect(received.map(({ actor, action, subject, detail }) => [actor, action, subject, detail])).toEqual([
    ['key:ops', 'admin-call', 'GET /admin/fleet', {}],
    ['key:ops', 'admin-call', 'GET /admin/fleet', { repeated_before: 59 }],
    ['key:web', 'admin-call-refused', 'GET /admin/fleet', {}],
  ]);
  for (let i = 0; i < 3_000; i++) calls.record('web', `/admin/${i}`, false, 61_000);
  expect(received.length).toBe(3_003);
});
