/** A secret that no serialiser reveals: it prints as `[secret]` everywhere. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** Holds a secret text; only `reveal` returns it. */
export class Secret {
  readonly #value: string;
  /** 8 hex digits of the sha256: tells keys apart in records without revealing them. */
  readonly fingerprint: string;

  constructor(value: string) {
    this.#value = value;
    this.fingerprint = this.sha256.slice(0, 8);
  }

  /** Hex, of the whole. */
  get sha256(): string {
    return createHash('sha256').update(this.#value).digest('hex');
  }

  /** In constant time. */
  equals(text: string): boolean {
    return timingSafeEqual(createHash('sha256').update(text).digest(), Buffer.from(this.sha256, 'hex'));
  }

  /** The value, only for code that sends it to its server. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
