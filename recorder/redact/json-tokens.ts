/** Positions of the strings and numbers of a JSON text, without parsing their values: the rest stays as it was written. */

export interface JsonToken {
  readonly type: 'string' | 'number';
  /** Of the literal, quotes included. */
  readonly start: number;
  readonly end: number;
  /** Of what is between the quotes; the closing one may be missing. */
  readonly inner: readonly [start: number, end: number];
  readonly isKey: boolean;
  /** Where in the document; undefined when it lies too deep to matter. */
  readonly container: JsonContainer | undefined;
  /** The member's name it is the value of, '' in an array. */
  readonly name: string;
}

/** A container, with what tells it from others of the same form in the next event of a stream. */
export interface JsonContainer {
  readonly parent: JsonContainer | undefined;
  readonly isArray: boolean;
  /** Its name in its parent. */
  readonly name: string;
  /** `index`, `type` and the like, as written. */
  readonly discriminants: Map<string, string>;
  readonly start: number;
  end: number;
}

export interface JsonScan {
  readonly tokens: readonly JsonToken[];
  /** Containers of interest: values of `logprobs`. */
  readonly containers: readonly JsonContainer[];
  /** Its end is missing. */
  readonly isCut: boolean;
}

const depthMax = 10_000;
const discriminatingKeys = new Set(['index', 'type', 'output_index', 'content_index', 'item_id', 'summary_index']);
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;
const blank = /[ \t\r\n]*/y;

/** Undefined when the text is no JSON. Its end may be missing, as in a truncated response. */
export function scanJson(text: string): JsonScan | undefined {
  const tokens: JsonToken[] = [];
  const frames: JsonContainer[] = [];
  let frame: JsonContainer | undefined;
  let depth = 0;
  let name = '';
  // In an object: whether the next string is a member's name.
  let keyNext = false;
  let at = skip(text, 0);
  if (at === text.length) return undefined;
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') {
      const inner = [at + 1, stringEnd(text, at)] as const;
      const end = Math.min(text.length, inner[1] + 1);
      const isKey = keyNext && frame !== undefined && !frame.isArray;
      tokens.push({ type: 'string', start: at, end, inner, isKey, container: frame, name: isKey ? '' : name });
      const content = text.slice(...inner);
      if (isKey) name = content;
      else if (discriminatingKeys.has(name)) frame?.discriminants.set(name, content);
      at = end;
    } else if (character === '{' || character === '[') {
      if (++depth > depthMax) return undefined;
      const isArray = character === '[';
      const inner: JsonContainer = { parent: frame, isArray, name, discriminants: new Map(), start: at, end: text.length };
      frames.push(inner);
      frame = inner;
      keyNext = !isArray;
      name = '';
      at += 1;
    } else if (character === '}' || character === ']') {
      if (!frame || frame.isArray !== (character === ']')) return undefined;
      frame.end = at + 1;
      frame = frame.parent;
      depth -= 1;
      name = '';
      at += 1;
    } else if (character === ',' || character === ':') {
      if (!frame) return undefined;
      keyNext = character === ',' && !frame.isArray;
      if (character === ',') name = '';
      at += 1;
    } else {
      number.lastIndex = at;
      word.lastIndex = at;
      if (number.test(text)) {
        const end = number.lastIndex;
        tokens.push({ type: 'number', start: at, end, inner: [at, end], isKey: false, container: frame, name });
        if (discriminatingKeys.has(name)) frame?.discriminants.set(name, text.slice(at, number.lastIndex));
        at = number.lastIndex;
      } else if (word.test(text)) at = word.lastIndex;
      else return undefined;
    }
    at = skip(text, at);
    // A second document in the same text is none.
    if (!frame && at < text.length) return undefined;
  }
  return { tokens, containers: frames, isCut: frame !== undefined };
}

function skip(text: string, from: number): number {
  blank.lastIndex = from;
  blank.test(text);
  return blank.lastIndex;
}

/** Of the closing quote, or the end of the text when there is none. */
function stringEnd(text: string, open: number): number {
  for (let quote = text.indexOf('"', open + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return quote;
  }
  return text.length;
}

/** A literal's text, and for each of its UTF-16 units where it begins in the literal; undefined when they are the same, one to one. */
export interface UnescapedText {
  readonly text: string;
  readonly starts: readonly number[] | undefined;
}

const simpleEscapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** The text of a JSON string literal without quotes, with each character's offset in the literal where they differ. */
export function unescapeJson(literal: string): UnescapedText {
  if (!literal.includes('\\')) return { text: literal, starts: undefined };
  const starts: number[] = [];
  let text = '';
  let at = 0;
  while (at < literal.length) {
    starts.push(at);
    if (literal[at] !== '\\') {
      text += literal[at];
      at += 1;
      continue;
    }
    const code = /^[0-9a-fA-F]{4}/.exec(literal.slice(at + 2, at + 6))?.[0];
    if (literal[at + 1] === 'u' && code) {
      text += String.fromCharCode(Number.parseInt(code, 16));
      at += 6;
    } else {
      const letter = literal[at + 1] ?? '';
      text += simpleEscapes[letter] ?? letter;
      at += 2;
      if (letter === '') starts.pop();
    }
  }
  starts.push(literal.length);
  return { text, starts };
}
