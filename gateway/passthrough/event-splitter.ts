/** Cuts a stream of events where they end, as bytes: what came whole may go on, what is its last word is held back. */

/** What says that a stream is whole; not found within a picture, whose letters are base64. */
const finalEvent =
  /^data:.{0,4096}?(?:\[DONE\]|"type"\s*:\s*"[a-z_.]+\.(?:done|completed)")|"type"\s*:\s*"[a-z_.]+\.(?:done|completed)"\s*[,}]/m;
/** A picture is an event of some megabytes. */
const eventBytesMax = 64 * 1024 * 1024;

export class EventSplitter {
  /** Whether the stream has said its last word. */
  isComplete = false;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  readonly #final: Uint8Array[] = [];

  /** The events that may go on now; undefined when one is longer than any should be. */
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

  /** What was held back, once nothing more comes. An event that no empty line ends may be the last one all the same. */
  flush(): Buffer {
    const pending = Buffer.concat(this.#pending.splice(0));
    if (finalEvent.test(pending.toString('latin1'))) this.isComplete = true;
    return Buffer.concat([...this.#final.splice(0), pending]);
  }

  /** Where in these bytes an event ends, which may have begun, with its first line end, in those before; -1 for nowhere. */
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
