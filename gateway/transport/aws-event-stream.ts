/** Cuts AWS's binary event stream into events: length-prefixed messages with a checksum of their prelude and one of the whole. */
import { crc32 } from 'node:zlib';
import type { SseEvent } from '../core/chat/provider.ts';

/** Lengths of the message and its headers, and their checksum. */
const preludeLength = 12;
const checksumLength = 4;
const messageLengthMax = 16 * 1024 * 1024;

export function awsEventStreamDecoder(listener: FrameListener): FrameDecoder {
  const buffered: Uint8Array[] = [];
  let size = 0;
  /** So many bytes there must be before anything can be read. */
  let needed = preludeLength;
  let isOver = false;
  const stop = (report: () => void): undefined => {
    isOver = true;
    buffered.length = 0;
    report();
    return undefined;
  };

  /** Bytes of the message that begins here; undefined while its prelude is not whole, or for ever after a fault. */
  const lengthAt = (bytes: Buffer): number | undefined => {
    needed = preludeLength;
    if (bytes.length < preludeLength) return undefined;
    const total = bytes.readUInt32BE(0);
    if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) {
      return stop(() => listener.corrupt?.('the checksum of a message prelude is wrong'));
    }
    if (total > messageLengthMax) return stop(() => listener.overflow());
    if (total < preludeLength + checksumLength || bytes.readUInt32BE(4) > total - preludeLength - checksumLength) {
      return stop(() => listener.corrupt?.('the lengths of a message do not fit'));
    }
    needed = total;
    return total;
  };

  const take = (message: Buffer): void => {
    const end = message.length - checksumLength;
    if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end))
      return stop(() => listener.corrupt?.('the checksum of a message is wrong'));
    const payloadAt = preludeLength + message.readUInt32BE(4);
    const headers = headersIn(message.subarray(preludeLength, payloadAt));
    if (!headers) return stop(() => listener.corrupt?.('the headers of a message cannot be read'));
    listener.event({ event: nameOf(headers), data: message.toString('utf8', payloadAt, end) });
  };

  return {
    feed: chunk => {
      if (isOver) return;
      buffered.push(chunk);
      size += chunk.byteLength;
      if (size < needed) return;
      let held = Buffer.concat(buffered.splice(0));
      for (let length = lengthAt(held); length !== undefined && held.length >= length; length = lengthAt(held)) {
        take(held.subarray(0, length));
        if (isOver) return;
        held = held.subarray(length);
      }
      size = held.length;
      if (size > 0) buffered.push(held);
    },
    // Half a message did not arrive: whether the answer is whole without it, the parser knows.
    end: () => {
      buffered.length = 0;
    },
  };
}

/** `contentBlockDelta`, `exception/throttlingException`, `error/InternalError`. */
function nameOf(headers: ReadonlyMap<string, string>): string {
  const type = headers.get(':message-type');
  if (type === 'exception') return `exception/${headers.get(':exception-type') ?? ''}`;
  if (type === 'error') return `error/${headers.get(':error-code') ?? ''}`;
  return headers.get(':event-type') ?? '';
}

/** Bytes of a value by its type; texts and byte strings say their own length. */
const lengths: readonly (number | 'prefixed')[] = [0, 0, 1, 2, 4, 8, 'prefixed', 'prefixed', 8, 16];
const textType = 7;

/** Only texts are kept; undefined when they do not fit the place they were given. */
function headersIn(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const nameEnd = at + 1 + bytes[at]!;
    const type = bytes[nameEnd];
    const length = type === undefined ? undefined : lengths[type];
    if (length === undefined) return undefined;
    const isPrefixed = length === 'prefixed';
    if (isPrefixed && nameEnd + 3 > bytes.length) return undefined;
    const start = nameEnd + (isPrefixed ? 3 : 1);
    const end = start + (isPrefixed ? bytes.readUInt16BE(nameEnd + 1) : length);
    if (end > bytes.length) return undefined;
    if (type === textType) headers.set(bytes.toString('utf8', at + 1, nameEnd), bytes.toString('utf8', start, end));
    at = end;
  }
  return headers;
}

export interface FrameDecoder {
  feed(chunk: Uint8Array): void;
  /** The body ended: an event that lacks only its blank line is given, too. */
  end(): void;
}

export interface FrameListener {
  event(event: SseEvent): void;
  /** Says nothing but that the other side is alive. */
  comment(): void;
  /** One event passed 16 MiB; nothing follows. */
  overflow(): void;
  /** The bytes are not what the framing promises; nothing follows. */
  corrupt?(reason: string): void;
}
