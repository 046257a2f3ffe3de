/** A condition that a user wrote, to be one among others: SQL text in parentheses that it cannot leave. */
import { tokensOf } from './sql-tokens.ts';

/** The text is no single expression; the message says where it goes wrong. */
export class ConditionError extends Error {}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * The text in parentheses of its own. Throws ConditionError when it closes what it has not opened, leaves something open, or holds a comment, a
 * semicolon or a quote of another alphabet, which the store reads as a quote: any of these could end the parentheses or swallow their end.
 */
export function oneCondition(text: string): string {
  const open: string[] = [];
  let isEmpty = true;
  for (const { type, start, end } of tokensOf(text)) {
    isEmpty = false;
    const token = text.slice(start, end);
    if (type === 'comment') throw new ConditionError(`a comment ("${token.slice(0, 20)}") is not taken in a condition`);
    if (type === 'quoted' && !isClosed(token)) throw new ConditionError(`the quote that begins at ${start + 1} is not closed`);
    if (type !== 'sign') continue;
    if (/[;\0$‘’“”]/.test(token)) throw new ConditionError(`"${token}" at ${start + 1} is not taken in a condition`);
    if (closing[token]) open.push(closing[token]);
    else if (/[)\]}]/.test(token) && open.pop() !== token) throw new ConditionError(`"${token}" at ${start + 1} closes nothing`);
  }
  if (isEmpty) throw new ConditionError('it is empty');
  if (open.length > 0) throw new ConditionError(`"${open.at(-1)}" is missing at the end`);
  return `(${text})`;
}

/** Only `'…'`, `"…"` and backticks: what stands between dollar signs is read in more than one way. */
const isClosed = (token: string): boolean => token.length > 1 && /^(['"`])(?:[^\\]|\\[\s\S])*\1$/.test(token);
