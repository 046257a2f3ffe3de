/**
 * An exchange in the spool as the rows that it leaves in the store, in their last form but for `retention_days`, which the recorder fills in.
 *
 *   payload = mark, position of the directory, rows, directory, bodies that were not copied
 *   directory = format, name of the column list, id, time of arrival, tenant, user, original of a replay,
 *               tables with rows: name, rows; of each row its pieces: position and length
 *
 * Positions count from the payload's start; those with the highest bit set count from the directory's end.
 */
import type { RawRequest } from '../../gateway/core/chat/provider.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { packAttemptRow, packPayloadRows } from '../rows/pack-attempts.ts';
import { packReplayRow } from '../rows/pack-replay-result.ts';
import { packRequestRow } from '../rows/pack-requests.ts';
import { externalPosition, type PieceWriter } from '../rows/piece-writer.ts';
import { noHashes, promptHashes } from '../rows/prompt-hashes.ts';
import { keptAttempt } from '../rows/row-values.ts';
import { currentList, type TableName, tableNames } from '../rows/tables.ts';
import type { RetentionDays } from '../store/retention.ts';
import type { RowPieces } from '../store/row-bytes.ts';

/** Where a record of the older form has the length of its JSON head: no head is that long. */
const mark = 0xffff_ffff;
const headBytes = 8;
const format = 1;

/** Whether a frame's payload holds packed rows; otherwise it is the JSON form of version 0.1.0. */
export const isPacked = (payload: Uint8Array): boolean =>
  payload.length > headBytes && payload[0] === 0xff && payload[1] === 0xff && payload[2] === 0xff && payload[3] === 0xff;

/** Writes the payload behind `gap` free bytes, but for `externals`. Throws when the tables cannot hold the exchange. */
export function packExchange(to: PieceWriter, exchange: Exchange, gap: number, parsedRequest?: RawRequest): void {
  to.begin();
  to.reserve(gap + headBytes);
  to.at += gap + headBytes;
  const hashes = exchange.redaction?.type === 'metadata' ? noHashes : promptHashes(exchange.request, parsedRequest);
  const kept = keptAttempt(exchange);
  packPayloadRows(to, exchange, hashes);
  for (let i = 0; i < exchange.attempts.length; i++) {
    to.beginRow('attempts');
    packAttemptRow(to, exchange, i);
    to.endRow();
  }
  if (exchange.run !== undefined) {
    to.beginRow('replay_results');
    packReplayRow(to, exchange, kept);
    to.endRow();
  }
  to.beginRow('requests');
  packRequestRow(to, exchange, kept, hashes);
  to.endRow();
  const directoryAt = to.position;
  writeDirectory(to, exchange, gap);
  to.block.writeUInt32LE(mark, to.from + gap);
  to.block.writeUInt32LE(directoryAt - gap, to.from + gap + 4);
}

function writeDirectory(to: PieceWriter, { id, receivedAt, caller, replayOf }: Exchange, gap: number): void {
  to.u8(format);
  to.text(currentList);
  to.text(id);
  to.f64(receivedAt);
  to.text(caller.tenant);
  to.text(caller.user);
  to.text(replayOf ?? '');
  to.u8(to.tables.length);
  for (const { name, rows, pieces } of to.tables) {
    to.u8(tableNames.indexOf(name));
    to.varint(rows);
    for (let i = 0; i < pieces.length; ) {
      const count = pieces[i++]!;
      to.varint(count);
      for (const end = i + 2 * count; i < end; i += 2) {
        const position = pieces[i]!;
        to.u32(position >= externalPosition ? position : position - gap);
        to.u32(pieces[i + 1]!);
      }
    }
  }
}

export interface TableRows extends RowPieces {
  readonly count: number;
}

export interface PackedRows {
  readonly list: string;
  readonly id: string;
  readonly receivedAt: Instant;
  readonly tenant: string;
  readonly user: string;
  /** '' for live traffic. */
  readonly replayOf: string;
  /** Tables without rows are missing. */
  readonly rows: Readonly<Partial<Record<TableName, TableRows>>>;
}

/** Where `retention_days` comes from, which is the last column of these tables. */
const retentionOf: Readonly<Partial<Record<TableName, keyof RetentionDays>>> = {
  requests: 'records',
  attempts: 'records',
  payloads: 'payloads',
};

/** Views into `payload`, which `daysOf` a tenant are written into. Throws when it is not what `packExchange` wrote. */
export function unpackRows(payload: Uint8Array, daysOf: (tenant: string) => RetentionDays): PackedRows {
  const source = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const reader = new Reader(source);
  reader.at = 4;
  reader.at = reader.u32();
  const version = reader.u8();
  if (version !== format) throw new Error(`packed rows of format ${version}, which this version does not know`);
  const identity = {
    list: reader.text(),
    id: reader.text(),
    receivedAt: reader.f64(),
    tenant: reader.text(),
    user: reader.text(),
    replayOf: reader.text(),
  };
  const days = daysOf(identity.tenant);
  const found: (TableRows & { readonly name: TableName; readonly positions: number[] })[] = [];
  const ends: number[] = [];
  for (let tables = reader.u8(); tables > 0; tables--) {
    const name = tableNames[reader.u8()]!;
    const count = reader.varint();
    const positions: number[] = [];
    for (let row = 0; row < count; row++) {
      for (let numbers = 2 * reader.varint(); numbers > 0; numbers--) positions.push(reader.u32());
      ends.push(positions.length);
    }
    found.push({ name, count, source, positions });
  }
  const rows: Partial<Record<TableName, TableRows>> = {};
  let row = 0;
  for (const table of found) {
    const { name, count, positions } = table;
    rows[name] = table;
    reader.resolve(positions);
    const retention = retentionOf[name];
    for (const last = row + count; row < last; row++) {
      const end = ends[row]!;
      if (retention) source.writeUInt16LE(days[retention], positions[end - 2]! + positions[end - 1]! - 2);
    }
  }
  return { ...identity, rows };
}

/** Throws where the bytes end too early. */
class Reader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.at++);
  }

  u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32LE(this.at - 4);
  }

  f64(): number {
    this.at += 8;
    return this.#bytes.readDoubleLE(this.at - 8);
  }

  varint(): number {
    let [value, scale, byte] = [0, 1, this.u8()];
    for (; byte >= 0x80; byte = this.u8()) {
      value += (byte - 0x80) * scale;
      scale *= 0x80;
    }
    return value + byte * scale;
  }

  text(): string {
    const length = this.varint();
    this.at += length;
    if (this.at > this.#bytes.length) throw new Error('a text ends behind the frame');
    return this.#bytes.toString('utf8', this.at - length, this.at);
  }

  /** Makes positions of pieces count from the payload's start, all of them. Only when the directory was read to its end. */
  resolve(positions: number[]): void {
    for (let i = 0; i < positions.length; i += 2) {
      const position = positions[i]!;
      const start = position >= externalPosition ? position - externalPosition + this.at : position;
      if (start + positions[i + 1]! > this.#bytes.length) throw new Error('a piece of a row ends behind the frame');
      positions[i] = start;
    }
  }
}
