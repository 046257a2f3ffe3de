/** Texts from outside, fit for a terminal: no character moves the cursor, sets a colour, hides or turns round what follows. Pure. */

/**
 * Controls but line feed and tab, marks of direction, lone surrogates, and characters that nobody sees. What joins two emojis to one stays.
 */
const unprintable = /(?![\n\t\u200d])(?:[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\u115f|\u1160|\u3164|\uffa0)/gu;
const pictures = 0x2400;

/** A control is shown as its picture (`␛`), anything else unprintable as `\u{…}`. Line feeds and tabs stay. */
export const printable = (text: string): string => text.replace(unprintable, shown);

/** The same in one line. */
export const printableLine = (text: string): string => printable(text).replace(/[\n\t]/g, control => shown(control));

/** JSON in which nothing unprintable stands raw; it means the same. */
export const printableJson = (json: string): string =>
  json.replace(unprintable, character =>
    [...Array(character.length).keys()].map(i => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );

function shown(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(pictures + code);
  return code === 0x7f ? '\u2421' : `\\u{${code.toString(16)}}`;
}
