/** Finds where an INSERT ends and its data begin, when both are in one text. */
import { tokensOf } from '../../store/sql-tokens.ts';

export interface SplitInsert {
  /** Where the statement ends: behind VALUES or FORMAT <name>. */
  readonly end: number;
  /** Where the data start; undefined for INSERT ... SELECT. */
  readonly data: number | undefined;
}

/**
 * Undefined when the text is no INSERT. The place is a proposal: the statement up to it must parse as an INSERT with a format, or it is
 * refused, so that a wrong place loses no row. One character is one byte (latin1), because data may be binary.
 */
export function splitInsert(text: string): SplitInsert | undefined {
  let depth = 0;
  let words = 0;
  let afterFormat = false;
  for (const { type, start, end } of tokensOf(text)) {
    if (type === 'comment') continue;
    if (type === 'sign') depth += text[start] === '(' ? 1 : text[start] === ')' ? -1 : 0;
    if (type === 'sign' || depth > 0) continue;
    words += 1;
    const word = type === 'word' ? text.slice(start, end).toUpperCase() : '';
    if (words === 1 && word !== 'INSERT') return undefined;
    if (afterFormat) return { end, data: end + /^[ \t\f]*(?:\r?\n)?/.exec(text.slice(end))![0].length };
    // INSERT INTO, and a table that may have any name.
    if (words <= 3) continue;
    if (word === 'SELECT' || word === 'WITH') return { end: text.length, data: undefined };
    if (word === 'VALUES') return { end, data: end };
    afterFormat = word === 'FORMAT';
  }
  return words > 0 ? { end: text.length, data: undefined } : undefined;
}
