/** Rows in RowBinary that lie in other memory: without a view for each of their pieces, of which a batch has tens of thousands. */

/** Put one after another, the pieces are rows. */
export interface RowPieces {
  readonly source: Buffer;
  /** Of each piece its start in `source` and its length. */
  readonly positions: readonly number[];
}

export type RowBytes = Uint8Array | readonly RowPieces[];

/** Of all rows together. */
export function byteLengthOf(rows: RowBytes): number {
  if (rows instanceof Uint8Array) return rows.byteLength;
  let length = 0;
  for (const { positions } of rows) for (let i = 1; i < positions.length; i += 2) length += positions[i]!;
  return length;
}

/** All the bytes in order, in chunks of at most `memory`'s size. Each is valid until the next is asked for. */
export function* chunksOf(rows: RowBytes, memory: Buffer): Generator<Uint8Array> {
  if (rows instanceof Uint8Array) return yield rows;
  let at = 0;
  for (const { source, positions } of rows) {
    for (let i = 0; i < positions.length; i += 2) {
      const end = positions[i]! + positions[i + 1]!;
      for (let start = positions[i]!; start < end; ) {
        const copied = source.copy(memory, at, start, end);
        start += copied;
        at += copied;
        if (at < memory.length) continue;
        yield memory;
        at = 0;
      }
    }
  }
  if (at > 0) yield memory.subarray(0, at);
}

/** All the bytes in memory of their own, or where they are when they lie in one piece. */
export function joinedBytes(rows: RowBytes): Buffer {
  if (rows instanceof Uint8Array) return Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  const memory = Buffer.allocUnsafeSlow(byteLengthOf(rows));
  for (const _ of chunksOf(rows, memory));
  return memory;
}
