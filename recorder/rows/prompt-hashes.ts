/** Fingerprints of a request's prompt, whatever its wire format: equal prompts have equal ones, and prompts that share a beginning lie together. */
import { hash } from 'node:crypto';
import type { Json, JsonObject, SourceSpan } from '../../gateway/core/chat/json.ts';
import type { RawRequest } from '../../gateway/core/chat/provider.ts';

/** Each is the first eight bytes of a SHA-256, in the order in which a UInt64 column holds them. */
export interface PromptHashes {
  /** Of all messages. */
  readonly prompt: Uint8Array;
  /** Of what many requests share: system prompt and tools. */
  readonly group: Uint8Array;
}

const none = new Uint8Array(8);
/** For a record without texts: a hash of nothing would make all its requests one prompt. */
export const noHashes: PromptHashes = { prompt: none, group: none };

const messageMembers = ['messages', 'contents', 'input', 'prompt'];
const systemMembers = ['system', 'systemInstruction', 'instructions'];

/** A body that is no JSON object is hashed as it stands. `parsedRequest` is what the body says, where it was read before. */
export function promptHashes(body: Uint8Array, parsedRequest?: RawRequest): PromptHashes {
  try {
    const request = parsedRequest?.value ?? parsed(body);
    const messagesField = memberOf(request, messageMembers);
    if (messagesField === undefined) return hashWholeBody(body);
    const messages = request[messagesField]!;
    const system = memberOf(request, systemMembers);
    const shared = `[${system === undefined ? 'null' : JSON.stringify(request[system])},${systemText(messages)},${textOf('tools', request, parsedRequest) ?? 'null'}]`;
    const span = parsedRequest && ownSpanOf(messagesField, parsedRequest);
    const isAscii = parsedRequest?.text.length === body.length;
    const prompt =
      span && isAscii ? digestOfSpan(body, span, shared) : digest(`[${textOf(messagesField, request, parsedRequest)},${shared}]`);
    return { prompt, group: groupDigest(shared) };
  } catch {
    return hashWholeBody(body);
  }
}

const parsed = (body: Uint8Array): JsonObject =>
  JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as JsonObject;

/** The first of these members that says something; as `??` does, the last one where they are null. */
function memberOf(request: JsonObject, names: readonly string[]): string | undefined {
  const name = names.find(candidate => request[candidate] !== undefined && request[candidate] !== null);
  return name ?? (request[names.at(-1)!] === undefined ? undefined : names.at(-1));
}

/** Where the caller's own text is what JSON.stringify makes of a member; undefined where it is not. */
function ownSpanOf(name: string, { text, members }: RawRequest): SourceSpan | undefined {
  const span = members.get(name);
  if (!span?.isPlain) return undefined;
  const own = text.slice(span.start, span.end);
  return own.includes('\\u') || own.includes('\\/') ? undefined : span;
}

/** What JSON.stringify makes of a member. */
function textOf(name: string, request: JsonObject, parsedRequest: RawRequest | undefined): string | undefined {
  const span = parsedRequest && ownSpanOf(name, parsedRequest);
  return span ? parsedRequest.text.slice(span.start, span.end) : JSON.stringify(request[name]);
}

/** Used again: a text of all that is hashed would be as long as the request. */
let scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** The digest of `[<span>,<shared>]`. */
function digestOfSpan(body: Uint8Array, { start, end }: SourceSpan, shared: string): Uint8Array {
  const bytes = end - start + 3 * shared.length + 3;
  if (bytes > longTextMin) return digest(Buffer.concat([Buffer.from('['), body.subarray(start, end), Buffer.from(`,${shared}]`)]));
  if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(longTextMin);
  scratch[0] = openingBracket;
  scratch.set(body.subarray(start, end), 1);
  let at = 1 + end - start;
  scratch[at++] = comma;
  at += scratch.write(shared, at);
  scratch[at++] = closingBracket;
  return digest(scratch.subarray(0, at));
}

const longTextMin = 64 * 1024;
const [openingBracket, comma, closingBracket] = [0x5b, 0x2c, 0x5d];
const hashWholeBody = (body: Uint8Array): PromptHashes => ({ prompt: digest(body), group: none });

function systemText(messages: Json): string {
  if (!Array.isArray(messages)) return '[]';
  let text = '';
  for (const message of messages) {
    const role = (message as JsonObject | null)?.role;
    if (role === 'system' || role === 'developer') text += `${text === '' ? '' : ','}${JSON.stringify(message)}`;
  }
  return `[${text}]`;
}

const digest = (value: string | Uint8Array): Uint8Array => hash('sha256', value, 'buffer').subarray(0, 8);

let lastShared = '';
let lastGroup = digest('');

/** Most requests share it with the one before. */
function groupDigest(shared: string): Uint8Array {
  if (shared === lastShared) return lastGroup;
  const group = digest(shared);
  if (shared.length < longTextMin) [lastShared, lastGroup] = [shared, group];
  return group;
}
