/** Strict JSON parsing in one pass. Refuses what parsers disagree about, and gives the text span of each top-level member. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** Undefined when the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Whether a value is a JSON object: no array, not null. */
export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text span of a top-level member's value: text.slice(start, end). */
export interface SourceSpan {
  readonly start: number;
  readonly end: number;
  /** No blank and no number stands in it, and no key that begins with a digit: but for escapes it is the text that JSON.stringify makes of its value. */
  readonly isPlain?: boolean;
}

export interface JsonProblem {
  readonly code: 'invalid_json' | 'json_too_deep' | 'json_too_many_parts' | 'duplicate_key' | 'forbidden_key' | 'invalid_type';
  readonly message: string;
  /** The top-level member at fault; for a duplicate top-level key, that key. */
  readonly param: string | null;
}

/** The parsed object with its members' spans, or the problem. */
export type JsonScan =
  | { readonly ok: true; readonly value: JsonObject; readonly members: ReadonlyMap<string, SourceSpan> }
  | { readonly ok: false; readonly problem: JsonProblem };

const depthMax = 256;
/** Objects, arrays and keys of one body; 65,000 messages have as many. Each costs a parser far more time than its bytes say. */
const partsMax = 2 ** 18;
/** A key that changes the prototype when an object is copied carelessly. */
const forbiddenKey = '__proto__';

const scanFailure = (code: JsonProblem['code'], message: string, param: string | null = null): JsonScan => ({
  ok: false,
  problem: { code, message, param },
});

const tooDeep = scanFailure('json_too_deep', `The body is nested deeper than ${depthMax}.`);
const tooManyParts = scanFailure('json_too_many_parts', `The body has more than ${partsMax} objects, arrays and keys.`);

/**
 * Reads one JSON object.
 * Refused: invalid JSON, a top level that is no object, duplicate keys, `__proto__`, nesting deeper than 256, more than 2^18 objects,
 * arrays and keys. Iterative, so depth uses no stack. Values come from JSON.parse once the structure is accepted.
 */
export function scanObject(text: string): JsonScan {
  const structure = scanStructure(text);
  if (structure instanceof Map) {
    try {
      const value: unknown = JSON.parse(text);
      if (!isObject(value)) return scanFailure('invalid_type', 'The body must be a JSON object.');
      return { ok: true, value, members: structure };
    } catch {
      return scanFailure('invalid_json', 'The body is not valid JSON.');
    }
  }
  return structure;
}

const linearKeysMax = 8;
const isArray = -1;

/** The open containers and the keys of the objects among them, one after another in one list. A few keys are searched linearly. */
class OpenContainers {
  depth = 0;
  /** Of each container: where its keys begin; `isArray` for an array. */
  readonly #begins: number[] = [];
  readonly #keys: string[] = [];
  #keyCount = 0;
  /** Of objects with many keys, by where these begin. */
  #many: Map<number, Set<string>> | undefined;

  get isObject(): boolean {
    return this.depth > 0 && this.#begins[this.depth - 1] !== isArray;
  }

  open(isObject: boolean): void {
    this.#begins[this.depth++] = isObject ? this.#keyCount : isArray;
  }

  close(): void {
    if (this.depth === 0) return;
    const begin = this.#begins[--this.depth]!;
    if (begin === isArray) return;
    if (this.#keyCount - begin > linearKeysMax) this.#many?.delete(begin);
    this.#keyCount = begin;
  }

  /** Adds a key to the innermost object; false when it is a duplicate. */
  add(key: string): boolean {
    const begin = this.#begins[this.depth - 1]!;
    const count = this.#keyCount - begin;
    if (count >= linearKeysMax) {
      const known = this.#setOf(begin);
      if (known.size === known.add(key).size) return false;
    } else {
      for (let i = begin; i < this.#keyCount; i++) if (this.#keys[i] === key) return false;
    }
    this.#keys[this.#keyCount++] = key;
    return true;
  }

  #setOf(begin: number): Set<string> {
    this.#many ??= new Map();
    let known = this.#many.get(begin);
    if (!known) {
      known = new Set(this.#keys.slice(begin, this.#keyCount));
      this.#many.set(begin, known);
    }
    return known;
  }
}

/** Follows brackets, keys and strings; JSON.parse checks the rest of the grammar. */
function scanStructure(text: string): Map<string, SourceSpan> | JsonScan {
  const [members, open] = [new Map<string, SourceSpan>(), new OpenContainers()];
  let topKey: string | null = null;
  let [valueStart, expectKey, isPlain, parts] = [-1, false, true, 0];
  const closeMember = (end: number): void => {
    if (topKey === null || valueStart < 0) return;
    members.set(topKey, { start: valueStart, end: trimEnd(text, valueStart, end), isPlain });
    [valueStart, isPlain] = [-1, true];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) {
      isPlain &&= valueStart < 0;
      continue;
    }
    const top = open.depth === 1;
    if (c === 0x22) {
      const end = endOfString(text, i);
      if (end < 0) return scanFailure('invalid_json', 'The body is not valid JSON: a string is not closed.');
      if (expectKey && open.isObject) {
        const key = unquote(text, i, end);
        if (key === null) return scanFailure('invalid_json', 'The body is not valid JSON: a key has a bad escape.');
        const param: string | null = top ? key : topKey;
        if (key === forbiddenKey) return scanFailure('forbidden_key', `The key ${key} is not allowed.`, param);
        if (!open.add(key)) return scanFailure('duplicate_key', `The key ${JSON.stringify(key.slice(0, 80))} stands twice.`, param);
        if (++parts > partsMax) return tooManyParts;
        if (top) topKey = key;
        else isPlain &&= !isDigit(key.charCodeAt(0));
        expectKey = false;
      } else if (top && valueStart < 0) valueStart = i;
      i = end;
      continue;
    }
    switch (c) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.depth >= depthMax || ++parts > partsMax) return open.depth >= depthMax ? tooDeep : tooManyParts;
        if (top && valueStart < 0) valueStart = i;
        open.open(c === 0x7b);
        expectKey = c === 0x7b;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (top) closeMember(i);
        open.close();
        expectKey = false;
        break;
      case 0x2c: // ,
        if (top) closeMember(i);
        expectKey = open.isObject;
        break;
      default:
        if (c === 0x3a) break; // :
        if (top && valueStart < 0) valueStart = i;
        isPlain &&= !isDigit(c);
    }
  }
  return members;
}

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

function endOfString(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i >= 0; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return -1;
}

function unquote(text: string, start: number, end: number): string | null {
  const inner = text.slice(start + 1, end);
  if (!inner.includes('\\')) return inner;
  try {
    return JSON.parse(text.slice(start, end + 1)) as string;
  } catch {
    return null;
  }
}

function trimEnd(text: string, start: number, end: number): number {
  let i = end;
  while (i > start && ' \n\r\t'.includes(text[i - 1]!)) i--;
  return i;
}

/**
 * The text with some top-level members replaced by other JSON text, or removed where the new text is undefined.
 * A new member is added at the end. Everything else stays byte for byte.
 */
export function spliceMembers(
  text: string,
  members: ReadonlyMap<string, SourceSpan>,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const edits: Edit[] = removals(
    text,
    [...members].map(([key, span]) => ({ ...span, isRemoved: Object.hasOwn(changes, key) && changes[key] === undefined })),
  );
  const added: string[] = [];
  let keptCount = members.size;
  for (const [key, json] of Object.entries(changes)) {
    const span = members.get(key);
    if (json === undefined) keptCount -= span ? 1 : 0;
    else if (span) edits.push({ ...span, with: json });
    else added.push(`${JSON.stringify(key)}:${json}`);
  }
  if (added.length > 0) {
    const brace = text.lastIndexOf('}');
    edits.push({ start: brace, end: brace, with: (keptCount > 0 ? ',' : '') + added.join(',') });
  }
  return applyEdits(text, edits);
}

interface Edit extends SourceSpan {
  readonly with: string;
}

/** A member is removed with the comma after it; the last ones with the comma before them. */
function removals(text: string, inOrder: readonly (SourceSpan & { readonly isRemoved: boolean })[]): Edit[] {
  const edits: Edit[] = [];
  const lastKept = inOrder.findLastIndex(member => !member.isRemoved);
  for (const [i, member] of inOrder.entries()) {
    if (member.isRemoved && i < lastKept) edits.push({ start: startOfKey(text, member), end: startOfKey(text, inOrder[i + 1]!), with: '' });
  }
  const tail = inOrder[lastKept + 1];
  if (tail) edits.push({ start: inOrder[lastKept]?.end ?? startOfKey(text, tail), end: inOrder.at(-1)!.end, with: '' });
  return edits;
}

/** The start of a member's key: the opening quote before the colon before its value. */
function startOfKey(text: string, { start }: SourceSpan): number {
  const closing = text.lastIndexOf('"', start - 1);
  for (let i = text.lastIndexOf('"', closing - 1); i >= 0; i = text.lastIndexOf('"', i - 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return 0;
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    out += text.slice(at, edit.start) + edit.with;
    at = edit.end;
  }
  return out + text.slice(at);
}
