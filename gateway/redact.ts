/** Takes the provider key in use out of what the provider says: a key that comes back in an answer must reach no caller and no record. */
import type { Failure } from './core/failure.ts';
import type { Secret } from './secret.ts';

export interface Redactor {
  failure(failure: Failure): Failure;
  /** Of the same length, so that recorded chunk borders stay true. */
  bytes(bytes: Buffer): Buffer;
}

/** A shorter key is a placeholder such as `none`, and its letters are everywhere. */
const lengthMin = 8;

export function redactor(key: Secret | undefined): Redactor {
  const secret = key?.reveal() ?? '';
  if (secret.length < lengthMin) return { failure: failure => failure, bytes: bytes => bytes };
  const text = (said: string): string => said.replaceAll(secret, '[secret]');
  const length = Buffer.byteLength(secret);
  return {
    failure: failure => ({
      ...failure,
      message: text(failure.message),
      ...(failure.code === undefined ? {} : { code: text(failure.code) }),
      ...(failure.param === undefined ? {} : { param: text(failure.param) }),
    }),
    bytes: bytes => {
      let at = bytes.indexOf(secret);
      if (at < 0) return bytes;
      const redacted = Buffer.from(bytes);
      for (; at >= 0; at = redacted.indexOf(secret, at)) redacted.fill('*', at, at + length);
      return redacted;
    },
  };
}
