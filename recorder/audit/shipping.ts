/** The recorder's part in the audit: it brings the store what others wrote down, and writes down itself how long rows stay. */
import type { Store } from '../store.ts';
import { type AuditLedger, openAudit } from './ledger.ts';
import { shipAudit } from './write.ts';

export class AuditShipping {
  readonly #ledger: AuditLedger;
  readonly #store: Store;
  #running: Promise<void> | undefined;

  constructor(storePath: string, store: Store) {
    this.#ledger = openAudit(storePath);
    this.#store = store;
  }

  /** What the store does not take waits for the next look. */
  look(): void {
    this.#running ??= shipAudit(this.#ledger, this.#store)
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#running;
    this.look();
    await this.#running;
    this.#ledger.close();
  }
}

/** A change of how long records stay is one that destroys some. */
export function auditRetention(storePath: string, days: object): void {
  const ledger = openAudit(storePath);
  try {
    const after = JSON.stringify(days);
    const before = ledger.recall('retention');
    if (before === after) return;
    ledger.append({
      ...{ actor: 'recorder', action: 'retention-changed', tenant: '', subject: 'retention' },
      detail: { before: before === undefined ? null : JSON.parse(before), after: days },
    });
    ledger.remember('retention', after);
  } finally {
    ledger.close();
  }
}
