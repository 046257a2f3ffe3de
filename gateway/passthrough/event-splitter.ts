/** Splits the bytes of an event stream into events. Complete events may go to the caller; the final event is held until the record is sealed. */

/** The event that completes a stream. Base64 image data cannot match it. */
const finalEvent =
  /^data:.{0,4096}?(?:\[DONE\]|"type"\s*:\s*"[a-z_.]+\.(?:done|completed)")|"type"\s*:\s*"[a-z_.]+\.(?:done|completed)"\s*[,}]/m;
/** An event with an image takes some megabytes. */
const eventBytesMax = 64 * 1024 * 1024;

/** Collects bytes and returns complete events, 64 MiB each at most. */
export class EventSplitter {
  /** Whether the final event has arrived. */
  isComplete = false;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  readonly #final: Uint8Array[] = [];

  /** The events that may go to the caller now; undefined when an event exceeds 64 MiB. */
  push(bytes: Uint8Array): readonly Buffer[] | undefined {
    if (this.isComplete) {
      this.#final.push(bytes);
      return [];
    }
    const complete: Buffer[] = [];
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (;;) {
      const end = this.#endIn(rest);
      if (end < 0) break;
      const event = Buffer.concat([...this.#pending, rest.subarray(0, end)]);
      rest = rest.subarray(end);
      this.#pending = [];
      this.#pendingBytes = 0;
      if (finalEvent.test(event.toString('latin1'))) {
        this.isComplete = true;
        this.#final.push(event, rest);
        return complete;
      }
      complete.push(event);
    }
    if (rest.length > 0) this.#pending.push(rest);
    this.#pendingBytes += rest.length;
    return this.#pendingBytes > eventBytesMax ? undefined : complete;
  }

  /** The bytes held back, once the stream has ended. The final event may lack its empty line. */
  flush(): Buffer {
    const pending = Buffer.concat(this.#pending.splice(0));
    if (finalEvent.test(pending.toString('latin1'))) this.isComplete = true;
    return Buffer.concat([...this.#final.splice(0), pending]);
  }

  /** The offset after the first event's end; -1 when none ends here. The line break that ends it may have begun in earlier bytes. */
  #endIn(bytes: Buffer): number {
    const before = Buffer.concat(this.#pending.slice(-3)).subarray(-3).toString('latin1');
    const at = /\r?\n\r?\n/.exec(before + bytes.subarray(0, 4).toString('latin1'));
    if (before !== '' && at && at.index + at[0].length > before.length) return at.index + at[0].length - before.length;
    const ends = [bytes.indexOf('\n\n'), bytes.indexOf('\n\r\n')].filter(found => found >= 0);
    if (ends.length === 0) return -1;
    const end = Math.min(...ends);
    return end + (bytes[end + 1] === 0x0a ? 2 : 3);
  }
}
