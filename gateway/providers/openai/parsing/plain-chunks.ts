/** Chunks that repeat the one before but for their text, as nearly all of a stream do: read by comparing, not by parsing. */

/** What must not stand in a JSON string as it is, and what begins an escape. */
const notPlain = /["\\\u0000-\u001f]/;
/** No provider's chunk holds it. */
const probeText = '\u2063hindcast\u2063';

/** How such chunks look, and where their text stands in them. */
export class PlainChunks {
  readonly choice: number;
  readonly #before: string;
  readonly #after: string;

  private constructor(choice: number, before: string, after: string) {
    this.choice = choice;
    this.#before = before;
    this.#after = after;
  }

  /** Whether a text stands in JSON as it is. */
  static isPlain(text: string): boolean {
    return !notPlain.test(text);
  }

  /**
   * Learns from a chunk with the plain text `content`. `contentOf` reads a chunk by parsing it: with another text in the same place it must give
   * that one, which proves the place. Undefined where the place is not found.
   */
  static like(data: string, choice: number, content: string, contentOf: (data: string) => string | undefined): PlainChunks | undefined {
    const start = data.lastIndexOf(`"${content}"`) + 1;
    if (start === 0 || data.includes(probeText)) return undefined;
    const [before, after] = [data.slice(0, start), data.slice(start + content.length)];
    return contentOf(before + probeText + after) === probeText ? new PlainChunks(choice, before, after) : undefined;
  }

  /** The text of a chunk that differs in nothing else; undefined of any other, and where the text has escapes. */
  textOf(data: string): string | undefined {
    const start = this.#before.length;
    const end = data.length - this.#after.length;
    if (end <= start || !data.startsWith(this.#before) || !data.endsWith(this.#after)) return undefined;
    const text = data.slice(start, end);
    return notPlain.test(text) ? undefined : text;
  }
}
