/** Fingerprints of a request's prompt, whatever its wire format: equal prompts have equal ones, and prompts that share a beginning lie together. */
import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
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

/** A body that is no JSON object is hashed as it stands. `asked` is what the body says, where it was read before. */
export function promptHashes(body: Uint8Array, asked?: RawRequest): PromptHashes {
  try {
    const request = asked?.value ?? parsed(body);
    const said = memberOf(request, messageMembers);
    if (said === undefined) return hashWholeBody(body);
    const messages = request[said]!;
    const system = memberOf(request, systemMembers);
    const shared = `[${system === undefined ? 'null' : JSON.stringify(request[system])},${systemText(messages)},${textOf('tools', request, asked) ?? 'null'}]`;
    return { prompt: digest(`[${textOf(said, request, asked)},${shared}]`), group: groupDigest(shared) };
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

/** What JSON.stringify makes of a member: the caller's own text where that is the same. */
function textOf(name: string, request: JsonObject, asked: RawRequest | undefined): string | undefined {
  const span = asked?.members.get(name);
  if (asked && span?.isPlain) {
    const text = asked.text.slice(span.start, span.end);
    if (!text.includes('\\u') && !text.includes('\\/')) return text;
  }
  return JSON.stringify(request[name]);
}

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

const longTextMin = 64 * 1024;
let lastShared = '';
let lastGroup = digest('');

/** Most requests share it with the one before. */
function groupDigest(shared: string): Uint8Array {
  if (shared === lastShared) return lastGroup;
  const group = digest(shared);
  if (shared.length < longTextMin) [lastShared, lastGroup] = [shared, group];
  return group;
}
