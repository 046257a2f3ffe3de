/** The filter of a rule: `task = 'refund' and tenant in ('acme', 'beta')`, over the tags of a request. */

/** A condition over a request's tags. */
export type Where = (tags: Readonly<Record<string, string>>) => boolean;

interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  readonly text: string;
}

const form = /\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([A-Za-z_][\w.-]*)|(!=|<>|[=(),]))/y;
const lengthMax = 2_000;
const depthMax = 50;

/** The condition, or a string with the problem. A tag that a request lacks is ''. */
export function parseWhere(text: string): Where | string {
  if (text.length > lengthMax) return `is longer than ${lengthMax} characters`;
  const tokens = tokensOf(text);
  if (typeof tokens === 'string') return tokens;
  const reader = new WhereParser(tokens);
  const where = reader.either(0);
  if (typeof where === 'string') return where;
  return reader.peek().kind === 'end' ? where : `does not end at "${reader.peek().text}"; join conditions by and, or`;
}

function tokensOf(text: string): Token[] | string {
  const tokens: Token[] = [];
  form.lastIndex = 0;
  const end = text.trimEnd().length;
  while (form.lastIndex < end) {
    const at = form.lastIndex;
    const [, single, double, word, sign] = form.exec(text) ?? [];
    if (single !== undefined) tokens.push({ kind: 'text', text: single.replaceAll("''", "'") });
    else if (double !== undefined) tokens.push({ kind: 'text', text: double.replaceAll('""', '"') });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else return `cannot be read from "${text.slice(at).trim().slice(0, 20)}" on; write task = 'refund'`;
  }
  return [...tokens, { kind: 'end', text: 'the end' }];
}

class WhereParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(): Token {
    return this.#tokens[Math.min(this.#at++, this.#tokens.length - 1)]!;
  }

  #takes(...words: readonly string[]): boolean {
    const token = this.peek();
    const found = token.kind !== 'text' && words.includes(token.text.toLowerCase());
    if (found) this.#at++;
    return found;
  }

  either(depth: number): Where | string {
    return this.#joined('or', depth, d => this.#joined('and', d, inner => this.#one(inner)));
  }

  #joined(word: 'and' | 'or', depth: number, part: (depth: number) => Where | string): Where | string {
    if (depth > depthMax) return `is nested more than ${depthMax} deep`;
    const parts: Where[] = [];
    do {
      const next = part(depth);
      if (typeof next === 'string') return next;
      parts.push(next);
    } while (this.#takes(word));
    if (parts.length === 1) return parts[0]!;
    return word === 'and' ? tags => parts.every(p => p(tags)) : tags => parts.some(p => p(tags));
  }

  #one(depth: number): Where | string {
    if (this.#takes('not')) {
      const inner = this.#one(depth + 1);
      return typeof inner === 'string' || depth > depthMax
        ? typeof inner === 'string'
          ? inner
          : `is nested more than ${depthMax} deep`
        : tags => !inner(tags);
    }
    if (this.#takes('(')) {
      const inner = this.either(depth + 1);
      if (typeof inner === 'string') return inner;
      return this.#takes(')') ? inner : `lacks a ")" at "${this.peek().text}"`;
    }
    return this.#comparison();
  }

  #comparison(): Where | string {
    const tag = this.#take();
    if (tag.kind !== 'word') return `expects the name of a tag at "${tag.text}"; write task = 'refund'`;
    const isNot = this.#takes('not');
    if (this.#takes('in')) return this.#list(tag.text, isNot);
    const sign = this.#take();
    if (isNot || !['=', '!=', '<>'].includes(sign.text)) return `expects =, != or in after ${tag.text}`;
    const value = this.#take();
    if (value.kind !== 'text')
      return `expects a text in quotes after ${tag.text} ${sign.text}: '${value.kind === 'word' ? value.text : 'refund'}'`;
    const equal = sign.text === '=';
    return tags => ((tags[tag.text] ?? '') === value.text) === equal;
  }

  #list(tag: string, isNot: boolean): Where | string {
    if (!this.#takes('(')) return `expects ( after ${tag} in`;
    const values = new Set<string>();
    do {
      const value = this.#take();
      if (value.kind !== 'text') return `expects texts in quotes after ${tag} in: ('a', 'b')`;
      values.add(value.text);
    } while (this.#takes(','));
    if (!this.#takes(')')) return `lacks a ")" after ${tag} in (…`;
    return tags => values.has(tags[tag] ?? '') !== isNot;
  }
}
