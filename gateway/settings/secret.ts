/** A secret that no serialiser reveals: it prints as `[secret]` everywhere. */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

export class Secret {
  readonly #value: string;
  /** 8 hex digits of the sha256: tells keys apart in records without revealing them. */
  readonly fingerprint: string;

  constructor(value: string) {
    this.#value = value;
    this.fingerprint = createHash('sha256').update(value).digest('hex').slice(0, 8);
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
