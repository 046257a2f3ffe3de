/** Redacts text as a reader sees it: inside the strings of JSON, and across the events of a stream. */
import { type JsonContainer, type JsonScan, type JsonToken, scanJson, unescapeJson } from './json-tokens.ts';
import { type RedactionRules, redactionMark } from './rules.ts';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface RedactionEdits {
  /** In order, without overlap. */
  readonly edits: readonly Edit[];
  /** The name of the rule for each match. */
  readonly rules: readonly string[];
}

/** Depth of JSON within strings of JSON, such as the arguments of a tool call. */
const nestingMax = 4;

export function editsOf(text: string, rules: RedactionRules, nesting = 0): RedactionEdits {
  // A number alone is a JSON document, but inside a string it is text.
  const document = (nesting === 0 ? /^\s*[{["\d-]/ : /^\s*[{["]/).test(text) ? scanJson(text) : undefined;
  if (document) return editsInPieces(new TextPieces(text).add(document, 0, isStreamArray(text, document)), rules, nesting);
  if (nesting === 0 && isEventStream(text)) return editsInPieces(streamPieces(text), rules, nesting);
  const found = rules.find(text);
  return { edits: found.map(({ start, end, rule }) => ({ start, end, text: redactionMark(rule) })), rules: found.map(({ rule }) => rule) };
}

/** A stream of events, or of JSON lines. */
const isEventStream = (text: string): boolean => /^(?:data:|event:|id:|:|\{)/m.test(text);
/** Gemini streams an array of responses unless events are requested. */
const isStreamArray = (text: string, { containers }: JsonScan): boolean =>
  containers[0]?.isArray === true &&
  containers.some(({ name, parent }) => name === 'candidates' && parent?.parent === containers[0]) &&
  text.includes('"parts"');

/** A part of the source, and the text it stands for. */
interface TextPiece {
  readonly text: string;
  /** Position in the source of each unit of the text; undefined: one to one from `start`. */
  readonly starts: readonly number[] | undefined;
  readonly start: number;
  readonly kind: 'string' | 'number' | 'plain';
  readonly end: number;
}

/** Pieces that a reader sees as one text. */
class TextPieces {
  readonly groups: TextPiece[][] = [];
  /** Ranges that repeat the response token by token (`logprobs`). */
  readonly tokenCopies: { readonly start: number; readonly end: number }[] = [];
  readonly #source: string;
  readonly #open = new Map<string, TextPiece[]>();
  /** Identified by place alone: a truncated event may lack its index. */
  readonly #lastAt = new Map<string, TextPiece[]>();

  constructor(source: string) {
    this.#source = source;
  }

  add({ tokens, containers, isCut }: JsonScan, offset: number, isStream: boolean): this {
    for (const token of tokens) this.#put(this.#pieceOf(token, offset), isStream ? keyOf(token) : undefined, isCut);
    for (const { name, start, end } of containers) {
      if (name === 'logprobs' || name === 'logprobsResult') this.tokenCopies.push({ start: start + offset, end: end + offset });
    }
    return this;
  }

  plain(start: number, end: number): void {
    if (end > start) this.#put({ text: this.#source.slice(start, end), starts: undefined, start, end, kind: 'plain' }, undefined);
  }

  #pieceOf({ type, inner }: JsonToken, offset: number): TextPiece {
    const [start, end] = [inner[0] + offset, inner[1] + offset];
    const { text, starts } = unescapeJson(this.#source.slice(start, end));
    return { text, starts: starts?.map(at => at + start), start, end, kind: type };
  }

  #put(piece: TextPiece, key: StreamKey | undefined, isCut = false): void {
    const open = key && (this.#open.get(key.full) ?? (isCut ? this.#lastAt.get(key.path) : undefined));
    const group = open ?? [];
    group.push(piece);
    if (!open) this.groups.push(group);
    if (!key) return;
    this.#open.set(key.full, group);
    this.#lastAt.set(key.path, group);
  }
}

/** Members that repeat in every event; joined they would form texts that nobody wrote. */
const constantKeys =
  /^(?:id|object|model|type|role|name|status|signature|obfuscation|system_fingerprint|service_tier|modelVersion|responseId|\w*_id|\w*_?reason|finishReason)$/;
const keyDepthMax = 32;

interface StreamKey {
  readonly full: string;
  readonly path: string;
}

/** Key of a stream's text: the same place and index in the next event continue it. */
function keyOf({ type, isKey, name, container }: JsonToken): StreamKey | undefined {
  if (type !== 'string' || isKey || constantKeys.test(name)) return undefined;
  let full = name;
  let path = name;
  let depth = 0;
  for (let at: JsonContainer | undefined = container; at; at = at.parent) {
    if (++depth > keyDepthMax) return undefined;
    const marks = [...at.discriminants].map(([mark, value]) => `${mark}=${value}`);
    const own = `${at.name}${at.isArray ? '[]' : ''}`;
    path = `${own}/${path}`;
    full = `${own}{${marks.join(',')}}/${full}`;
  }
  return { full, path };
}

function streamPieces(text: string): TextPieces {
  const pieces = new TextPieces(text);
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? text.length : newline;
    const payload = from + (/^(?:data:)? */.exec(text.slice(from, Math.min(to, from + 16)))?.[0].length ?? 0);
    const scan = text[payload] === '{' || text[payload] === '[' ? scanJson(text.slice(payload, to)) : undefined;
    if (scan) pieces.add(scan, payload, true);
    else pieces.plain(from, to);
    from = to + 1;
  }
  return pieces;
}

function editsInPieces({ groups, tokenCopies }: TextPieces, rules: RedactionRules, nesting: number): RedactionEdits {
  const edits: Edit[] = [];
  const names: string[] = [];
  for (const group of groups) {
    const [first] = group;
    const text = group.length === 1 ? first!.text : group.map(piece => piece.text).join('');
    const found =
      first!.kind === 'string' && nesting < nestingMax ? editsOf(text, rules, nesting + 1) : editsOf(text, rules, Number.POSITIVE_INFINITY);
    if (found.edits.length === 0) continue;
    names.push(...found.rules);
    if (first!.kind === 'number') edits.push({ start: first!.start, end: first!.end, text: `"${redactionMark(found.rules[0]!)}"` });
    else edits.push(...mapEdits(found.edits, group));
  }
  if (edits.length > 0) {
    const editsOutside = edits.filter(({ start }) => !tokenCopies.some(range => start >= range.start && start < range.end));
    edits.length = 0;
    edits.push(...editsOutside, ...tokenCopies.map(({ start, end }) => ({ start, end, text: 'null' })));
  }
  return { edits: edits.sort((a, b) => a.start - b.start), rules: names };
}

/** Maps matches in the joined text to the source: the mark where a match begins, nothing where it continues. */
function mapEdits(edits: readonly Edit[], group: readonly TextPiece[]): readonly Edit[] {
  const out: Edit[] = [];
  let offset = 0;
  let next = 0;
  for (const piece of group) {
    const until = offset + piece.text.length;
    for (let i = next; i < edits.length && edits[i]!.start < until; i++) {
      const { start, end, text } = edits[i]!;
      const from = Math.max(start, offset) - offset;
      const to = Math.min(end, until) - offset;
      const at = (unit: number): number => piece.starts?.[unit] ?? piece.start + unit;
      const written = start < offset ? '' : piece.kind === 'string' ? JSON.stringify(text).slice(1, -1) : text;
      if (to > from) out.push({ start: at(from), end: at(to), text: written });
      if (end <= until) next = i + 1;
    }
    offset = until;
  }
  return out;
}
