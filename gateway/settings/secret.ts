/** A secret that no serialiser can see: its printed form is `[secret]` everywhere. */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

export class Secret {
  readonly #value: string;
  /** Short and one-way: tells two keys apart in records without telling either. */
  readonly fingerprint: string;

  constructor(value: string) {
    this.#value = value;
    this.fingerprint = createHash('sha256').update(value).digest('hex').slice(0, 8);
  }

  /** For the code that puts it on the wire, and nothing else. */
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
