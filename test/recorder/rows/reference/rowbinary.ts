/** ClickHouse's RowBinary: columns that know their type, and a buffer that their values are written to, exact to the byte. */

/** Grows as needed and is used again for the next rows. */
export class RowBuffer {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  u64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
  }

  i64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigInt64LE(value, this.#length);
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
  }

  blob(value: Uint8Array): void {
    this.varint(value.byteLength);
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** Two little-endian halves, as ClickHouse holds a UUID. Throws when the text is none. */
  uuid(value: string): void {
    if (!uuidPattern.test(value)) throw new Error(`not a UUID: ${value.slice(0, 50)}`);
    const hex = value.replaceAll('-', '');
    this.u64(BigInt(`0x${hex.slice(0, 16)}`));
    this.u64(BigInt(`0x${hex.slice(16)}`));
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** `type` is the one that DESCRIBE TABLE shows. */
export interface Column<Row> {
  readonly name: string;
  readonly type: string;
  write(row: Row, to: RowBuffer): void;
}

type Getter<Row, Value> = (row: Row) => Value;
type ColumnFactory<Value> = <Row>(name: string, get: Getter<Row, Value>) => Column<Row>;

const column =
  <Value>(type: string, writeValue: (value: Value, to: RowBuffer) => void): ColumnFactory<Value> =>
  (name, get) => ({ name, type, write: (row, to) => writeValue(get(row), to) });

/** Rounded and held within the type: a strange number must not keep a record out of the store. */
const clampedTo = (value: number, max: number): number => (value > 0 ? Math.min(max, Math.round(value)) : 0);

export const bool = column<boolean>('Bool', (value, to) => to.u8(value ? 1 : 0));
export const u8 = column<number>('UInt8', (value, to) => to.u8(clampedTo(value, 0xff)));
export const u16 = column<number>('UInt16', (value, to) => to.u16(clampedTo(value, 0xffff)));
export const u32 = column<number>('UInt32', (value, to) => to.u32(clampedTo(value, 0xffff_ffff)));
export const u64 = column<bigint>('UInt64', (value, to) => to.u64(value));
export const text = column<string>('String', (value, to) => to.text(value));
export const lowCardinalityText = column<string>('LowCardinality(String)', (value, to) => to.text(value));
export const blob = column<Uint8Array>('String', (value, to) => to.blob(value));
export const uuid = column<string>('UUID', (value, to) => to.uuid(value));
/** Milliseconds since the epoch, fractions cut. */
export const dateTime = column<number>("DateTime64(3, 'UTC')", (value, to) => to.i64(BigInt(Math.floor(value))));
export const textArray = column<readonly string[]>('Array(String)', (values, to) => {
  to.varint(values.length);
  for (const value of values) to.text(value);
});
export const float = column<number>('Float64', (value, to) => to.f64(value));
/** NULL when absent. */
export const optionalFloat = column<number | undefined>('Nullable(Float64)', (value, to) => {
  to.u8(value === undefined ? 1 : 0);
  if (value !== undefined) to.f64(value);
});

const map = <Value>(type: string, writeValue: (value: Value, to: RowBuffer) => void): ColumnFactory<Readonly<Record<string, Value>>> =>
  column(`Map(LowCardinality(String), ${type})`, (values, to) => {
    const entries = Object.entries(values);
    to.varint(entries.length);
    for (const [key, value] of entries) {
      to.text(key);
      writeValue(value, to);
    }
  });
export const textMap = map<string>('String', (value, to) => to.text(value));
export const floatMap = map<number>('Float64', (value, to) => to.f64(value));
export const countMap = map<number>('UInt64', (value, to) => to.u64(BigInt(clampedTo(value, Number.MAX_SAFE_INTEGER))));

/** An Enum8 of these names, numbered from 0. */
export const enum8 = <Name extends string>(names: readonly Name[]): ColumnFactory<Name> => {
  const numbers = new Map(names.map((name, i) => [name, i]));
  return column(`Enum8(${names.map((name, i) => `'${name}' = ${i}`).join(', ')})`, (value, to) => {
    const number = numbers.get(value);
    if (number === undefined) throw new Error(`no such choice: ${value}`);
    to.u8(number);
  });
};

/** Largest absolute value of Decimal(18, 12). */
const decimalMax = 10n ** 18n - 1n;
const clamp = (value: bigint): bigint => (value > decimalMax ? decimalMax : value < -decimalMax ? -decimalMax : value);
/** Dollars from whole nano-dollars, exactly; beyond a million dollars the largest that fits. */
export const dollars = column<number>('Decimal(18, 12)', (nanoUsd, to) => to.i64(clamp(BigInt(Math.round(nanoUsd)) * 1000n)));
