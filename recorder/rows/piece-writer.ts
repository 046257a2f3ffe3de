/** Writes rows as pieces: a body that occurs twice is written once, and a large one is not copied. */
import { RowWriter } from './row-writer.ts';
import type { TableName } from './tables.ts';

/** Smaller bodies are written again: a further piece would cost more. */
const sharedBytesMin = 1024;
/** Copying up to here is cheaper than one more buffer in the write. */
const copiedBytesMax = 64 * 1024;

/** Added to the position of a piece that lies in a body which was not copied. Those bodies follow all else. */
export const externalPosition = 0x8000_0000;

interface WrittenBody {
  readonly body: Uint8Array;
  readonly position: number;
}

/** A RowWriter that gives a table's rows as a list of pieces. */
export class PieceWriter extends RowWriter {
  /** Tables that have rows, in the order they were written. */
  readonly tables: {
    name: TableName;
    rows: number /** Of each row: how many pieces, then position and length of each. */;
    pieces: number[];
  }[] = [];
  /** Bodies that were not copied. */
  externals: Uint8Array[] = [];
  externalBytes = 0;
  readonly #bodies: WrittenBody[] = [];
  #pieces: number[] = [];
  /** Where the current row's count of pieces stands in the list. */
  #countAt = 0;
  #pieceStart = 0;

  override begin(): void {
    super.begin();
    this.tables.length = 0;
    this.#bodies.length = 0;
    this.externals = [];
    this.externalBytes = 0;
  }

  /** Bytes since `begin`. */
  get position(): number {
    return this.at - this.from;
  }

  beginRow(name: TableName): void {
    if (this.tables.at(-1)?.name !== name) this.tables.push({ name, rows: 0, pieces: [] });
    const table = this.tables.at(-1)!;
    table.rows += 1;
    this.#pieces = table.pieces;
    this.#countAt = this.#pieces.push(0) - 1;
    this.#pieceStart = this.position;
  }

  endRow(): void {
    this.#endPiece();
  }

  #endPiece(): void {
    const length = this.position - this.#pieceStart;
    if (length > 0) this.#addPiece(this.#pieceStart, length);
  }

  #addPiece(position: number, length: number): void {
    this.#pieces.push(position, length);
    this.#pieces[this.#countAt]! += 1;
  }

  /** A column of bytes, which may be the same as an earlier one. */
  body(value: Uint8Array): void {
    const { byteLength } = value;
    if (byteLength < sharedBytesMin) return this.blob(value);
    this.varint(byteLength);
    const earlier = this.#bodies.find(
      ({ body }) => body === value || (body.byteLength === byteLength && Buffer.compare(body, value) === 0),
    );
    if (!earlier && byteLength <= copiedBytesMax) {
      this.#bodies.push({ body: value, position: this.position });
      return this.bytes(value);
    }
    this.#endPiece();
    this.#addPiece(earlier?.position ?? this.#addExternal(value), byteLength);
    this.#pieceStart = this.position;
  }

  #addExternal(body: Uint8Array): number {
    const position = externalPosition + this.externalBytes;
    this.externals.push(body);
    this.externalBytes += body.byteLength;
    this.#bodies.push({ body, position });
    return position;
  }
}
