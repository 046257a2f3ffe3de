/** Writes values in ClickHouse's RowBinary format, byte for byte, one after another into blocks of memory. */

const blockBytes = 256 * 1024;
/** Every number, and the length of every text, fits in this. */
const numberBytes = 16;
/** Texts up to here are copied unit by unit: for a short text a call into the runtime costs more than its bytes. */
const shortLengthMax = 64;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Where each pair of digits of a UUID's text goes: ClickHouse keeps two little-endian halves. */
const uuidPlaces: readonly (readonly [from: number, to: number])[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34].map(
  (from, i) => [from, i < 8 ? 7 - i : 23 - i],
);
const hexValues = new Uint8Array(128);
for (let value = 0; value < 16; value++) for (const digit of value.toString(16)) hexValues[digit.charCodeAt(0)] = value;
for (let value = 10; value < 16; value++) hexValues[value.toString(16).toUpperCase().charCodeAt(0)] = value;

/** Largest absolute value of Decimal(18, 12). */
const decimalMax = 10n ** 18n - 1n;
const nanosMax = 10n ** 15n;

/** Rounded and kept within the type: a strange number must not keep a record out of the store. */
const clamped = (value: number, max: number): number => (value > 0 ? Math.min(max, Math.round(value)) : 0);

/** Appends RowBinary values to blocks of memory. Columns are written in the order of the table. */
export class RowWriter {
  /** The block that holds what was written since `from`; an earlier block may still be in use elsewhere. */
  block = Buffer.allocUnsafeSlow(blockBytes);
  from = 0;
  at = 0;
  #view = new DataView(this.block.buffer);

  /** Reuses the memory. Call it only when nobody needs what was written before. */
  rewind(): void {
    if (this.block.length > blockBytes) this.#use(Buffer.allocUnsafeSlow(blockBytes));
    this.from = 0;
    this.at = 0;
  }

  /** What is written from now on lies in one block. */
  begin(): void {
    this.from = this.at;
  }

  /** Makes room for so many bytes. What was written since `begin` moves along when a new block is needed. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.block.length) return;
    const written = this.at - this.from;
    const larger = Buffer.allocUnsafeSlow(Math.max(blockBytes, 2 * (written + bytes)));
    this.block.copy(larger, 0, this.from, this.at);
    this.#use(larger);
    this.from = 0;
    this.at = written;
  }

  #use(block: Buffer<ArrayBuffer>): void {
    this.block = block;
    this.#view = new DataView(block.buffer);
  }

  bool(value: boolean): void {
    this.reserve(1);
    this.block[this.at++] = value ? 1 : 0;
  }

  u8(value: number): void {
    this.reserve(1);
    this.block[this.at++] = clamped(value, 0xff);
  }

  u16(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.at, clamped(value, 0xffff), true);
    this.at += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.at, clamped(value, 0xffff_ffff), true);
    this.at += 4;
  }

  /** A whole number. Throws when it is none. */
  i64(value: number): void {
    if (!Number.isSafeInteger(value)) return this.#bigInt(BigInt(value));
    this.reserve(8);
    const low = value >>> 0;
    this.#view.setUint32(this.at, low, true);
    this.#view.setInt32(this.at + 4, (value - low) / 0x1_0000_0000, true);
    this.at += 8;
  }

  #bigInt(value: bigint): void {
    this.reserve(8);
    this.block.writeBigInt64LE(value, this.at);
    this.at += 8;
  }

  f64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** NULL when it is undefined. */
  optionalF64(value: number | undefined): void {
    this.bool(value === undefined);
    if (value !== undefined) this.f64(value);
  }

  count(value: number): void {
    this.i64(clamped(value, Number.MAX_SAFE_INTEGER));
  }

  /** Milliseconds since the epoch; fractions are cut. */
  dateTime(value: number): void {
    this.i64(Math.floor(value));
  }

  /** Decimal(18, 12) dollars from whole nano-dollars, exactly; beyond a million dollars the largest that fits. */
  dollars(nanoUsd: number): void {
    const nanos = Math.round(nanoUsd);
    const picos = nanos * 1000;
    if (Number.isSafeInteger(picos)) return this.i64(picos);
    const exact = BigInt(nanos);
    this.#bigInt(exact >= nanosMax ? decimalMax : exact <= -nanosMax ? -decimalMax : exact * 1000n);
  }

  varint(value: number): void {
    this.reserve(numberBytes);
    let rest = value;
    while (rest >= 0x80) {
      this.block[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.block[this.at++] = rest;
  }

  text(value: string): void {
    const { length } = value;
    if (length <= shortLengthMax) {
      this.reserve(1 + length);
      const { block } = this;
      let to = this.at;
      block[to++] = length;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit >= 0x80) break;
        block[to++] = unit;
      }
      if (i === length) {
        this.at = to;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.reserve(numberBytes + bytes);
    this.varint(bytes);
    this.at += this.block.write(value, this.at, 'utf8');
  }

  blob(value: Uint8Array): void {
    this.reserve(numberBytes + value.byteLength);
    this.varint(value.byteLength);
    this.bytes(value);
  }

  /** Bytes as they are, without their length. */
  bytes(value: Uint8Array): void {
    this.reserve(value.byteLength);
    this.block.set(value, this.at);
    this.at += value.byteLength;
  }

  /** Throws when the text is no UUID. */
  uuid(value: string): void {
    if (!uuidPattern.test(value)) throw new Error(`not a UUID: ${value.slice(0, 50)}`);
    this.reserve(16);
    const { block, at } = this;
    for (const [from, to] of uuidPlaces)
      block[at + to] = (hexValues[value.charCodeAt(from)]! << 4) | hexValues[value.charCodeAt(from + 1)]!;
    this.at = at + 16;
  }

  texts(values: readonly string[]): void {
    this.varint(values.length);
    for (const value of values) this.text(value);
  }

  textMap(values: Readonly<Record<string, string>>): void {
    const names = Object.keys(values);
    this.varint(names.length);
    for (const name of names) {
      this.text(name);
      this.text(values[name]!);
    }
  }

  floatMap(values: Readonly<Record<string, number>>): void {
    const names = Object.keys(values);
    this.varint(names.length);
    for (const name of names) {
      this.text(name);
      this.f64(values[name]!);
    }
  }

  /** The number of a choice. Throws when it is none of them. */
  choice(numbers: ReadonlyMap<string, number>, value: string): void {
    const number = numbers.get(value);
    if (number === undefined) throw new Error(`no such choice: ${value}`);
    this.reserve(1);
    this.block[this.at++] = number;
  }
}

/** For `choice`: names numbered from 0, as an Enum8 of ours numbers them. */
export const numbered = (names: readonly string[]): ReadonlyMap<string, number> => new Map(names.map((name, i) => [name, i]));
