/** Copies audit entries from disk to the store, and audits changes of retention. */
import type { Store } from '../store/store.ts';
import { type AuditLedger, openAudit } from './ledger.ts';
import { shipAudit } from './write.ts';

/** Ships audit entries that are on disk and not in the store yet; the store's failure leaves them for the next round. */
export class AuditShipper {
  readonly #storePath: string;
  readonly #store: Store;
  #ledger: AuditLedger | undefined;
  #running: Promise<void> | undefined;

  constructor(storePath: string, store: Store) {
    this.#storePath = storePath;
    this.#store = store;
  }

  /** Entries that fail are retried at the next call. */
  shipSoon(): void {
    this.#running ??= this.#ship()
      .catch(() => {})
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#running;
    this.shipSoon();
    await this.#running;
    this.#ledger?.close();
  }

  async #ship(): Promise<void> {
    this.#ledger ??= openAudit(this.#storePath);
    await shipAudit(this.#ledger, this.#store);
  }
}

/** Damage and clock jumps, which explain missing or disordered records later. */
export function recordTrouble(storePath: string, action: string, what: string, log: (line: string) => void): void {
  try {
    const ledger = openAudit(storePath);
    try {
      ledger.append({ actor: 'recorder', action, tenant: '', subject: 'store', detail: { what } });
    } finally {
      ledger.close();
    }
  } catch (error) {
    log(`not in the audit, "${what}": ${error instanceof Error ? error.message : error}`);
  }
}

/** A change of how long records stay is one that destroys some. What cannot be written down keeps no recorder from starting. */
export function recordRetentionChange(storePath: string, days: object, log: (line: string) => void): void {
  try {
    writeRetentionChange(storePath, days);
  } catch (error) {
    log(`how long records stay is not in the audit: ${error instanceof Error ? error.message : error}`);
  }
}

function writeRetentionChange(storePath: string, days: object): void {
  const ledger = openAudit(storePath);
  try {
    const after = JSON.stringify(days);
    const before = ledger.readFact('retention');
    if (before === after) return;
    ledger.append({
      ...{ actor: 'recorder', action: 'retention-changed', tenant: '', subject: 'retention' },
      detail: { before: before === undefined ? null : JSON.parse(before), after: days },
    });
    ledger.writeFact('retention', after);
  } finally {
    ledger.close();
  }
}
