/** Redacts a body. All other bytes stay as they are, and redacting twice changes nothing more. */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type RedactionRules, redactionMark } from './rules.ts';
import { type Edit, editsOf } from './text.ts';

export interface RedactedBody {
  readonly bytes: Uint8Array;
  /** The name of the rule for each match. */
  readonly found: readonly string[];
  /** Maps a position of the body to the redacted one. */
  mapPosition(position: number): number;
}

/** A redaction may join texts that match again. A body that still matches after so many rounds loses everything. */
const passesMax = 4;

/** The body with every match replaced by its mark, and the rules that matched. Binary event streams give an empty body. */
export function redactBody(bytes: Uint8Array, rules: RedactionRules): RedactedBody {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Binary events hold text in pieces and in base64. They cannot be searched, so they are not kept.
  if (isEventStream(buffer)) return { bytes: new Uint8Array(), found: ['binary'], mapPosition: () => 0 };
  // One character is one byte, so that text in any encoding stays exact.
  const encoding = isUtf8(buffer) ? 'utf8' : 'latin1';
  let text = buffer.toString(encoding);
  const found: string[] = [];
  const mappers: ((position: number) => number)[] = [];
  for (let pass = 0; ; pass++) {
    const { edits, rules: names } = editsOf(text, rules);
    if (edits.length === 0) break;
    found.push(...names);
    if (pass === passesMax) {
      text = JSON.stringify(redactionMark('all'));
      mappers.push(() => 0);
      break;
    }
    mappers.push(positionMapper(text, edits, encoding));
    text = applyEdits(text, edits);
  }
  if (mappers.length === 0) return { bytes, found, mapPosition: position => position };
  return { bytes: Buffer.from(text, encoding), found, mapPosition: position => mappers.reduce((at, place) => place(at), position) };
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = '';
  let from = 0;
  for (const edit of edits) {
    out += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return out + text.slice(from);
}

/** In bytes. A position inside a match maps to the end of its mark. */
function positionMapper(text: string, edits: readonly Edit[], encoding: BufferEncoding): (position: number) => number {
  let at = 0;
  let from = 0;
  const ranges = edits.map(edit => {
    const start = at + Buffer.byteLength(text.slice(from, edit.start), encoding);
    at = start + Buffer.byteLength(text.slice(edit.start, edit.end), encoding);
    from = edit.end;
    return { start, end: at, length: Buffer.byteLength(edit.text, encoding) };
  });
  return position => {
    let shift = 0;
    for (const { start, end, length } of ranges) {
      if (start >= position) break;
      if (end > position) return start + shift + length;
      shift += length - (end - start);
    }
    return position + shift;
  };
}

/** AWS event stream: a length, the headers' length, and the checksum of both. */
function isEventStream(bytes: Buffer): boolean {
  return bytes.length >= 16 && bytes.readUInt32BE(0) >= 16 && crc32(bytes.subarray(0, 8)) === bytes.readUInt32BE(8);
}

/** Redacts a short text. */
export function redactText(text: string, rules: RedactionRules): string {
  for (let at = text, pass = 0; ; pass++) {
    const found = rules.find(at);
    if (found.length === 0) return at;
    if (pass === passesMax) return redactionMark('all');
    at = applyEdits(
      at,
      found.map(({ start, end, rule }) => ({ start, end, text: redactionMark(rule) })),
    );
  }
}
