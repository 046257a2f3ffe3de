/** JSON text written as UTF-8 into memory that is used again. */

const bytesMin = 16 * 1024;
/** Texts up to here are copied unit by unit: for a short text a call into the runtime costs more than its bytes. */
const shortLengthMax = 80;
const quote = 0x22;
const backslash = 0x5c;
const zero = 0x30;

export class JsonBytes {
  #bytes = Buffer.allocUnsafeSlow(bytesMin);
  #at = 0;

  /** All that was written since the last call. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  /** A text as it is. */
  text(text: string): void {
    const { length } = text;
    // UTF-8 takes three bytes a code unit at most.
    this.#reserve(length * 3);
    if (length > shortLengthMax || !this.#copy(text, 0)) this.#at += this.#bytes.write(text, this.#at);
  }

  /** A string with its quotes. */
  string(text: string): void {
    const { length } = text;
    this.#reserve(length + 2);
    if (length <= shortLengthMax) {
      this.#bytes[this.#at++] = quote;
      if (this.#copy(text, 0x20)) {
        this.#bytes[this.#at++] = quote;
        return;
      }
      this.#at--;
    }
    this.text(JSON.stringify(text));
  }

  /** A whole number, not negative, of at least so many digits. */
  digits(value: number, digitsMin = 1): void {
    let count = digitsMin;
    for (let limit = 10 ** digitsMin; value >= limit; limit *= 10) count++;
    this.#reserve(count);
    let rest = value;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const next = Math.floor(rest / 10);
      this.#bytes[at] = zero + rest - next * 10;
      rest = next;
    }
    this.#at += count;
  }

  /** False, with nothing written, when a unit is none of ASCII; where `min` is a blank also when one needs an escape. */
  #copy(text: string, min: number): boolean {
    const bytes = this.#bytes;
    let to = this.#at;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < min || unit >= 0x80 || (min > 0 && (unit === quote || unit === backslash))) return false;
      bytes[to++] = unit;
    }
    this.#at = to;
    return true;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(2 * (this.#at + more));
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
  }
}
