/** Finds the fields of a multipart form, and replaces the text of one. Every other byte stays as the caller sent it. */

export interface FormPart {
  readonly name: string;
  readonly filename: string | undefined;
  /** Byte offset of its content. */
  readonly start: number;
  readonly end: number;
}

export interface Form {
  readonly bytes: Buffer;
  readonly parts: readonly FormPart[];
}

const partsMax = 200;
const headBytesMax = 8 * 1024;

/** The form's parts; undefined when the body is not a multipart form. `contentType` is the request's header. */
export function parseForm(contentType: string | undefined, bytes: Buffer): Form | undefined {
  const found = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? '');
  const boundary = found?.[1] ?? found?.[2];
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const opening = delimiter.subarray(2);
  let at = bytes.indexOf(opening);
  if (at < 0) return undefined;
  at += opening.length;
  const parts: FormPart[] = [];
  while (bytes.toString('latin1', at, at + 2) !== '--') {
    const head = bytes.indexOf('\r\n\r\n', at);
    const end = head < 0 ? -1 : bytes.indexOf(delimiter, head + 2);
    if (head < 0 || end < 0 || head - at > headBytesMax || parts.length >= partsMax) return undefined;
    const part = partOf(bytes.toString('utf8', at, head), head + 4, Math.max(head + 4, end));
    if (!part) return undefined;
    parts.push(part);
    at = end + delimiter.length;
  }
  return { bytes, parts };
}

function partOf(head: string, start: number, end: number): FormPart | undefined {
  const disposition = /^content-disposition\s*:\s*form-data\s*;(.*)$/im.exec(head)?.[1];
  const name = disposition === undefined ? undefined : parameter(disposition, 'name');
  return name === undefined ? undefined : { name, filename: parameter(disposition!, 'filename'), start, end };
}

function parameter(text: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|[;\\s])${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(text);
  return found?.[1] ?? found?.[2];
}

const fieldBytesMax = 1024;

/** The text of a field; undefined unless the form has it exactly once, not as a file, and in 1 KiB at most. */
export function fieldOf({ bytes, parts }: Form, name: string): string | undefined {
  const matches = parts.filter(part => part.name === name && part.filename === undefined);
  const [part] = matches;
  return matches.length === 1 && part!.end - part!.start <= fieldBytesMax ? bytes.toString('utf8', part!.start, part!.end) : undefined;
}

/** The form's bytes with another text in an existing field. */
export function withField({ bytes, parts }: Form, name: string, text: string): Buffer {
  const part = parts.find(candidate => candidate.name === name && candidate.filename === undefined);
  return part ? Buffer.concat([bytes.subarray(0, part.start), Buffer.from(text), bytes.subarray(part.end)]) : bytes;
}
