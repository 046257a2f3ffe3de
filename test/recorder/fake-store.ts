/** A store that keeps what it is given as ClickHouse would, token by token, and fails on demand. */

import type { TableName } from '../../recorder/rows/tables.ts';
import { joinedBytes, type RowBytes } from '../../recorder/store/row-bytes.ts';

type Refuse = (insert: Insert) => Error | undefined;

export interface Insert {
  readonly table: TableName;
  readonly token: string;
  readonly body: Buffer;
}

export class FakeStore {
  /** Of accepted inserts whose token was new. */
  readonly inserts: Insert[] = [];
  /** Every call, refused ones included. */
  readonly attempted: Insert[] = [];
  /** What `DESCRIBE TABLE` says, by table. */
  described: (table: TableName) => readonly { readonly name: string; readonly type: string }[] = () => [];
  refuse: Refuse = () => undefined;
  readonly #tokens = new Set<string>();

  async insertBinary(table: string, _columns: readonly string[], body: RowBytes, token: string): Promise<void> {
    const insert: Insert = { table: table as TableName, token, body: Buffer.from(joinedBytes(body)) };
    this.attempted.push(insert);
    await new Promise(resolve => setImmediate(resolve));
    const error = this.refuse(insert);
    if (error) throw error;
    if (this.#tokens.has(token)) return;
    this.#tokens.add(token);
    this.inserts.push(insert);
  }

  async select<Row>(query: string): Promise<Row[]> {
    const [, table] = /^DESCRIBE TABLE (\w+)$/.exec(query) ?? [];
    return (table ? this.described(table as TableName) : []) as Row[];
  }

  /** How many of these ids some accepted insert of the table holds, each counted as often as it is there. */
  count(table: TableName, ids: readonly string[]): number {
    const bodies = Buffer.concat(this.inserts.filter(insert => insert.table === table).map(({ body }) => body));
    return ids.reduce((sum, id) => sum + occurrences(bodies, uuidBytes(id)), 0);
  }
}

/** As in RowBinary. */
export function uuidBytes(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 8).reverse();
  bytes.subarray(8).reverse();
  return bytes;
}

function occurrences(bytes: Buffer, pattern: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + pattern.length)) count++;
  return count;
}

export const clickhouseError = (code: number, message = 'refused'): Error => Object.assign(new Error(message), { code: String(code) });
