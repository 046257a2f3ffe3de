/**
 * Fills the rollups of the embedded engine: some seconds' batches at once, instead of views that run for every insert.
 *
 * A batch is noted when its rows are in the store and before its segment is deleted. Each range of noted batches is inserted under a token of its
 * own, so that a kill at any moment counts every record once. Servers keep the views: several gateways may write there.
 */
import type { OwnSession } from '../engine/session/own-session.ts';
import { type Batch, rowCount } from '../ship/batch.ts';
import { deltaSelect, rollupDefinitions } from './definitions.ts';
import { RollupLedger } from './ledger.ts';

/** How old the youngest sums may be. */
const intervalMs = 20_000;

export class Rollups {
  readonly #session: OwnSession;
  readonly #ledger: RollupLedger;
  readonly #definitions = rollupDefinitions();
  readonly #columns = new Map<string, string>();
  #countsByDelta = false;
  #ranAt = performance.now();

  private constructor(session: OwnSession, ledger: RollupLedger) {
    this.#session = session;
    this.#ledger = ledger;
  }

  /** Once the tables are there. */
  static async open(session: OwnSession, file: string): Promise<Rollups> {
    const rollups = new Rollups(session, new RollupLedger(file));
    if (rollups.#ledger.countsByDelta || !(await rollups.#hasViews())) await rollups.#startDeltas();
    return rollups;
  }

  /** What was inserted belongs into the sums, once. */
  add(batch: Batch): void {
    if (!this.#countsByDelta) return;
    const entries = batch.entries.filter(entry => rowCount(entry, 'requests') > 0 || rowCount(entry, 'attempts') > 0);
    if (entries.length === 0) return;
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { receivedAt } of entries) {
      first = Math.min(first, receivedAt);
      last = Math.max(last, receivedAt);
    }
    this.#ledger.add(batch.token, { first, last, ids: entries.map(({ id }) => id).join(',') }, entries.length);
  }

  /** All that was in the spool has been shipped. */
  async afterPass(): Promise<void> {
    // Segments of version 0.1.0 may have been inserted in part, and the views have counted that part under their tokens.
    if (!this.#countsByDelta) await this.#startDeltas();
    else if (performance.now() - this.#ranAt >= intervalMs) await this.run();
  }

  /** Counts everything that was added. */
  async run(): Promise<void> {
    this.#ranAt = performance.now();
    if (!this.#countsByDelta) return;
    for (let range = this.#ledger.nextRange(); range; range = this.#ledger.nextRange()) {
      for (const definition of this.#definitions) {
        const columns = await this.#columnsOf(definition.target);
        await this.#session.insertSelect(
          `${definition.target} (${columns})`,
          `SELECT ${columns} FROM (${deltaSelect(definition, range)})`,
          `${range.token}.${definition.target}`,
        );
      }
      this.#ledger.finish(range);
    }
  }

  close(): void {
    this.#ledger.close();
  }

  async #startDeltas(): Promise<void> {
    this.#ledger.startDeltas();
    for (const { view } of this.#definitions) await this.#session.command(`DROP VIEW IF EXISTS ${view} SYNC`);
    this.#countsByDelta = true;
  }

  async #hasViews(): Promise<boolean> {
    const names = this.#definitions.map(({ view }) => `'${view}'`).join(', ');
    const [found] = await this.#session.select<{ n: number }>(
      `SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name IN (${names})`,
    );
    return Number(found?.n) > 0;
  }

  async #columnsOf(table: string): Promise<string> {
    const known = this.#columns.get(table);
    if (known) return known;
    const rows = await this.#session.select<{ name: string }>(
      `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '${table}' AND default_kind != 'ALIAS' ORDER BY position`,
    );
    const columns = rows.map(({ name }) => name).join(', ');
    this.#columns.set(table, columns);
    return columns;
  }
}
