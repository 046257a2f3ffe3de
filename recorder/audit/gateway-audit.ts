/** The audit of a running gateway. Entries are written at once; a failure is logged and fails no request. */
import type { Audit, AuditEntry } from '../../gateway/observability/audit.ts';
import { type AuditLedger, openAudit } from './ledger.ts';

export interface GatewayAudit {
  readonly write: Audit;
  close(): void;
}

export function openGatewayAudit(storePath: string, onProblem: (message: string) => void): GatewayAudit {
  let ledger: AuditLedger | undefined;
  const write = (entry: AuditEntry): void => {
    try {
      ledger ??= openAudit(storePath);
      ledger.append(entry);
    } catch (error) {
      onProblem(
        `${entry.action} of ${entry.subject} by ${entry.actor} is not in the audit: ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  return { write, close: () => ledger?.close() };
}
