/** Writes audit entries: to disk at once, to the store when it is available. */
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
    // The recorder ships later what the store does not take now.
    if (store) await shipAudit(ledger, store).catch(() => {});
  } finally {
    ledger.close();
  }
}

const rowsMax = 1_000;

/** Copies missing entries to the store, each once; returns their number. */
export async function shipAudit(ledger: AuditLedger, store: Pick<Store, 'insert' | 'select'>): Promise<number> {
  let count = 0;
  for (let rows = ledger.unshipped(rowsMax); rows.length > 0; rows = ledger.unshipped(rowsMax)) {
    // An insert would silently leave out columns that the table does not have yet.
    if (!(await hasChain(store))) return count;
    for (const row of rows) {
      // Two processes may do this at once: each entry has one token.
      await store.insert('audit', [auditRow(row)], `audit ${row.chain} ${row.seq}`);
      ledger.markShipped(row.seq);
      count += 1;
    }
  }
  return count;
}

/** Whether the store's audit table has the columns of the hash chain. */
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
