/** The tokens of values in a JSON response. Keys, brackets and white space belong to the requested format. */
import type { TokenLogprob } from '../chat/chat.ts';

/** Tokens with at least one character of a string, number or literal value; [] when the text is not complete JSON. */
export function valueTokens(tokens: readonly TokenLogprob[]): readonly TokenLogprob[] {
  const text = tokens.map(({ token }) => token).join('');
  const isValue = valueMarks(text);
  if (!isValue) return [];
  const found: TokenLogprob[] = [];
  let at = 0;
  for (const token of tokens) {
    const end = at + token.token.length;
    if (isValue.subarray(at, end).includes(1)) found.push(token);
    at = end;
  }
  return found;
}

/** 1 at each character of a value. A string where an object expects a key is a key. */
function valueMarks(text: string): Uint8Array | undefined {
  const marks = new Uint8Array(text.length);
  const open: ('{' | '[')[] = [];
  let keyIsNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '{' || c === '[') {
      open.push(c);
      keyIsNext = c === '{';
    } else if (c === '}' || c === ']') {
      if (open.pop() !== (c === '}' ? '{' : '[')) return undefined;
      keyIsNext = false;
    } else if (c === ',') keyIsNext = open.at(-1) === '{';
    else if (c === ':') keyIsNext = false;
    else if (c === '"') {
      const end = stringEnd(text, i);
      if (end === undefined) return undefined;
      if (!keyIsNext) marks.fill(1, i + 1, end);
      i = end;
    } else if (!/\s/.test(c)) marks[i] = 1;
  }
  return open.length === 0 ? marks : undefined;
}

function stringEnd(text: string, start: number): number | undefined {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return undefined;
}
