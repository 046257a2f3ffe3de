/** What the store holds, what waits in the spool, and whether a gateway is at work. */
import { readdir } from 'node:fs/promises';
import { type AuditStatus, auditStatus } from '../audit/verify.ts';
import { rejectedFolder, spoolRoot } from '../files/paths.ts';
import { closedSegments } from '../spool/spool-folders.ts';
import type { Store } from '../store/store.ts';

export interface StoreStatus {
  readonly version: string;
  readonly tables: readonly TableStatus[];
  /** Of complete segments that are not in the store yet. */
  readonly spool: { readonly segments: number; readonly bytes: number };
  /** Records that the store refused for good; they lie in `spool/rejected`. */
  readonly rejected: number;
  readonly audit: AuditStatus;
}

export interface TableStatus {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
}

export async function readStoreStatus(store: Store, storePath: string, auditDays: number): Promise<StoreStatus> {
  const root = spoolRoot(storePath);
  const [versionRow] = await store.select<{ version: string }>('SELECT version() AS version');
  const tables = await store.select<TableStatus>(
    `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC, table`,
  );
  const segments = await closedSegments(root);
  const rejected = await readdir(rejectedFolder(root)).catch(() => []);
  return {
    version: versionRow?.version ?? 'unknown',
    tables,
    spool: { segments: segments.length, bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0) },
    rejected: rejected.length,
    audit: await auditStatus(store, storePath, auditDays),
  };
}
