/** Writes down who changed what; entries are only ever added. */
import { userInfo } from 'node:os';
import type { Store } from './store.ts';

export interface AuditEntry {
  readonly action: string;
  readonly tenant: string;
  readonly subject: string;
  readonly detail: object;
}

export function writeAudit(store: Pick<Store, 'insert'>, { action, tenant, subject, detail }: AuditEntry): Promise<void> {
  return store.insert('audit', [
    { ts: new Date().toISOString(), tenant_id: tenant, actor: actor(), action, subject, detail: JSON.stringify(detail), trace_id: '' },
  ]);
}

/** Whoever runs the command on this machine. */
function actor(): string {
  try {
    return `local:${userInfo().username}`;
  } catch {
    return 'local';
  }
}
