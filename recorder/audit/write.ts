/** Writes down who changed or looked at what: on disk at once, in the store when it takes it. */
import { userInfo } from 'node:os';
import type { AuditEntry } from '../../gateway/observability/audit.ts';
import type { Store } from '../store/store.ts';
import type { ChainRow } from './chain.ts';
import { type AuditLedger, openAudit } from './ledger.ts';

/** What a command of this machine's user did. */
export async function writeAudit(
  store: Pick<Store, 'insert' | 'select'> | undefined,
  storePath: string,
  entry: Omit<AuditEntry, 'actor'>,
): Promise<void> {
  const ledger = openAudit(storePath);
  try {
    ledger.append({ ...entry, actor: actor() });
    // What the store does not take now, the recorder brings later.
    if (store) await shipAudit(ledger, store).catch(() => {});
  } finally {
    ledger.close();
  }
}

const rowsMax = 1_000;

/** Brings the store what it has not got, each entry once; gives how many those were. */
export async function shipAudit(ledger: AuditLedger, store: Pick<Store, 'insert' | 'select'>): Promise<number> {
  let count = 0;
  for (let rows = ledger.unshipped(rowsMax); rows.length > 0; rows = ledger.unshipped(rowsMax)) {
    // Columns that a table has not got yet would be left out of an insert unseen.
    if (!(await hasChain(store))) return count;
    for (const row of rows) {
      // Two processes may be at it at once: an entry has one token.
      await store.insert('audit', [auditRow(row)], `audit ${row.chain} ${row.seq}`);
      ledger.markShipped(row.seq);
      count += 1;
    }
  }
  return count;
}

export async function hasChain(store: Pick<Store, 'select'>): Promise<boolean> {
  const [found] = await store.select<{ n: number }>(
    "SELECT count() AS n FROM system.columns WHERE database = currentDatabase() AND table = 'audit' AND name = 'hash'",
  );
  return Number(found?.n ?? 0) > 0;
}

const auditRow = ({ at, tenant, ...row }: ChainRow): object => ({
  ...row,
  ts: new Date(at).toISOString(),
  tenant_id: tenant,
  trace_id: '',
});

/** Whoever runs the command on this machine. */
function actor(): string {
  try {
    return `local:${userInfo().username}`;
  } catch {
    return 'local';
  }
}
