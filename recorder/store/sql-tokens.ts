/** Splits SQL into words, strings, quoted names and comments: enough to split a file and to find an insert's data. */

/** SQL text from `start` up to `end`. */
export interface Token {
  readonly type: 'word' | 'quoted' | 'comment' | 'sign';
  readonly start: number;
  readonly end: number;
}

const patterns = [
  // '' and \' stay inside; an unclosed quote runs to the end.
  { type: 'quoted', pattern: /'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|`(?:[^`\\]|\\[\s\S]|``)*(?:`|$)|"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)/y },
  { type: 'quoted', pattern: /\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/y },
  { type: 'comment', pattern: /--[^\n]*|#[ !][^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y },
  { type: 'word', pattern: /[A-Za-z_]\w*/y },
  // Digits belong to no word, and spaces to nothing.
  { type: 'sign', pattern: /\S/y },
] as const;

/** The tokens of a text, in order and without a gap. An unclosed string or comment ends with the text. */
export function* tokensOf(sql: string): Generator<Token> {
  let at = 0;
  while (at < sql.length) {
    const found = patterns.find(({ pattern }) => {
      pattern.lastIndex = at;
      return pattern.test(sql);
    });
    if (!found) {
      at += 1;
      continue;
    }
    const { lastIndex } = found.pattern;
    yield { type: found.type, start: at, end: lastIndex };
    at = lastIndex;
  }
}

/** The statements of a file, without the semicolons between them and without comments before them. */
export function statementsOf(sql: string): readonly string[] {
  const statements: string[] = [];
  let start: number | undefined;
  let end = 0;
  for (const token of tokensOf(sql)) {
    if (token.type === 'comment') continue;
    if (token.type === 'sign' && sql[token.start] === ';') {
      if (start !== undefined) statements.push(sql.slice(start, end));
      start = undefined;
      continue;
    }
    start ??= token.start;
    end = token.end;
  }
  if (start !== undefined) statements.push(sql.slice(start, end));
  return statements;
}
