/** Rows of a record as the recorder inserts them, table by table. */
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { type TableName, tableNames } from '../../recorder/rows/tables.ts';
import * as ship from '../../recorder/ship/encode-rows.ts';
import type { PackedRows } from '../../recorder/spool/packed-rows.ts';
import { type Retention, retentionDaysOf } from '../../recorder/store/retention.ts';
import { joinedBytes } from '../../recorder/store/row-bytes.ts';

export type EncodedRows = Readonly<Record<TableName, { readonly count: number; readonly bytes: Buffer }>>;

export const encoded = (rows: PackedRows['rows']): EncodedRows =>
  Object.fromEntries(
    tableNames.map(table => [table, { count: rows[table]?.count ?? 0, bytes: joinedBytes(rows[table] ? [rows[table]] : []) }]),
  ) as EncodedRows;

export const rowsOf = (exchange: Exchange, retention: Retention): EncodedRows =>
  encoded(ship.rowsOf(exchange, tenant => retentionDaysOf(retention, tenant)));

export const rowsOfFeedback = (feedback: Feedback): EncodedRows => encoded(ship.rowsOfFeedback(feedback));
