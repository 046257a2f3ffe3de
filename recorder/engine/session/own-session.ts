/** The engine for its own process: statements and rows go straight into a session, without HTTP. Rules for accounts do not apply. */
import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { byteLengthOf, chunksOf, type RowBytes } from '../../store/row-bytes.ts';
import type { InsertCounts } from '../../store/store.ts';
import { exceptionOf } from './exception.ts';
import { type Lease, quoted, type Sessions } from './sessions.ts';
import { setStatements } from './settings.ts';

/** The same for every statement, so that one session serves them all. */
const setup = setStatements(
  new Map([
    ['async_insert', '0'],
    ['deduplicate_blocks_in_dependent_materialized_views', '1'],
    ['output_format_json_quote_64bit_integers', '0'],
  ]),
).join(';');

const writtenAtOnce = 1024 * 1024;

export class OwnSession {
  readonly #sessions: Sessions;
  readonly #folder: string;
  readonly #schemaChanged: () => void;
  /** Types of columns by table and name. */
  readonly #types = new Map<string, ReadonlyMap<string, string>>();
  /** For rows on their way into a file, while nobody else writes. */
  #memory: Buffer | undefined;

  /** `folder` holds data on their way and nothing else; `schemaChanged` is called after statements that may change tables. */
  constructor(sessions: Sessions, folder: string, schemaChanged: () => void) {
    this.#sessions = sessions;
    this.#folder = folder;
    this.#schemaChanged = schemaChanged;
  }

  async select<Row>(query: string): Promise<Row[]> {
    const text = await this.#run(query, 'JSONEachRow');
    return text === '' ? [] : text.split('\n').map(line => JSON.parse(line) as Row);
  }

  insertCounts(): InsertCounts {
    const counts = this.#sessions.rows<{ event: string; n: number }>(
      "SELECT event, toFloat64(value) AS n FROM system.events WHERE event IN ('InsertedRows', 'DuplicatedInsertedBlocks')",
    );
    const of = (name: string): number => counts.find(({ event }) => event === name)?.n ?? 0;
    return { rows: of('InsertedRows'), repeatedBlocks: of('DuplicatedInsertedBlocks') };
  }

  async command(statement: string): Promise<void> {
    await this.#run(statement, 'Null');
    this.#types.clear();
    this.#schemaChanged();
  }

  /** An INSERT ... SELECT; the same token twice is one insert. */
  async insertSelect(head: string, select: string, token: string): Promise<void> {
    await this.#run(`INSERT INTO ${head} SETTINGS insert_deduplication_token = ${quoted(token)} ${select}`, 'Null');
  }

  /** `body` is rows in RowBinary, in the order of `columns`. They are written when this resolves; the same token twice is one insert. */
  async insertBinary(table: string, columns: readonly string[], body: RowBytes, token: string): Promise<void> {
    if (byteLengthOf(body) === 0) return;
    const types = this.#typesOf(table);
    const structure = columns.map(name => `\`${name}\` ${types.get(name) ?? this.#unknown(table, name)}`).join(', ');
    const file = join(this.#folder, randomUUID());
    try {
      await this.#write(file, body);
      const names = columns.map(name => `\`${name}\``).join(', ');
      await this.insertSelect(`\`${table}\` (${names})`, `SELECT * FROM file(${quoted(file)}, 'RowBinary', ${quoted(structure)})`, token);
    } catch (error) {
      // A migration may have changed it meanwhile.
      this.#types.delete(table);
      throw error;
    } finally {
      await rm(file, { force: true });
    }
  }

  #unknown(table: string, column: string): never {
    this.#types.delete(table);
    throw new Error(`Code: 16. DB::Exception: No such column ${column} in table ${table}. (NO_SUCH_COLUMN_IN_TABLE)`);
  }

  #typesOf(table: string): ReadonlyMap<string, string> {
    const known = this.#types.get(table);
    if (known) return known;
    const rows = this.#sessions.rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = 'default' AND table = ${quoted(table)}`,
    );
    const types = new Map(rows.map(({ name, type }) => [name, type]));
    if (types.size > 0) this.#types.set(table, types);
    return types;
  }

  async #write(path: string, rows: RowBytes): Promise<void> {
    const memory = this.#memory ?? Buffer.allocUnsafeSlow(writtenAtOnce);
    this.#memory = undefined;
    const file = await open(path, 'wx', 0o600);
    try {
      for (const chunk of chunksOf(rows, memory)) await file.appendFile(chunk);
    } finally {
      await file.close();
      this.#memory = memory;
    }
  }

  async #run(statement: string, format: string): Promise<string> {
    const lease = this.#sessions.lease(setup);
    try {
      return await this.#runIn(lease, statement, format);
    } finally {
      this.#sessions.release(lease);
    }
  }

  async #runIn(lease: Lease, statement: string, format: string): Promise<string> {
    try {
      const result = await this.#sessions.run(() => lease.session.queryAsync(statement, { format }));
      return format === 'Null' ? '' : result.text().trim();
    } catch (error) {
      lease.tainted = true;
      const { code, codeName, message } = exceptionOf(error);
      throw new Error(`Code: ${code}. DB::Exception: ${message} (${codeName})`, { cause: error });
    }
  }
}
