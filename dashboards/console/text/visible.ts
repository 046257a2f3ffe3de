/** Texts of strangers as text nodes that cannot mislead: control characters are shown, not sent. Pure. */

export interface Piece {
  readonly text: string;
  /** Stands for a character that would not be seen, or would turn the line around. */
  readonly isMark: boolean;
}

/** All control characters but line feed and tab; marks of direction; zero-width characters that hide. */
const hidden =
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]|[\uD800-\uDFFF]/u;

const names: Readonly<Record<number, string>> = {
  ...{ 27: 'ESC', 127: 'DEL', 1564: 'ALM', 8203: 'ZWSP', 8206: 'LRM', 8207: 'RLM', 8232: 'LS', 8233: 'PS' },
  ...{ 8234: 'LRE', 8235: 'RLE', 8236: 'PDF', 8237: 'LRO', 8238: 'RLO', 8288: 'WJ', 8294: 'LRI', 8295: 'RLI' },
  ...{ 8296: 'FSI', 8297: 'PDI', 65279: 'BOM' },
};

function markOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (names[code] !== undefined) return names[code];
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The text as pieces: plain ones, and marks in place of characters that could not be seen. */
export function visible(text: string): readonly Piece[] {
  if (!hidden.test(text)) return [{ text, isMark: false }];
  const pieces: Piece[] = [];
  let plain = '';
  for (const character of text) {
    // A carriage return before a line feed is how lines end on the wire.
    if (character === '\r') continue;
    if (!hidden.test(character)) {
      plain += character;
      continue;
    }
    if (plain !== '') pieces.push({ text: plain, isMark: false });
    plain = '';
    pieces.push({ text: markOf(character), isMark: true });
  }
  if (plain !== '') pieces.push({ text: plain, isMark: false });
  return pieces;
}

/** At most `length` UTF-16 units, never half a character. */
export function head(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
