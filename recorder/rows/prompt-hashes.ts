/** Fingerprints of a request's prompt, whatever its wire format: equal prompts have equal ones, and prompts that share a beginning lie together. */
import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';

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

/** A body that is no JSON object is hashed as it stands. */
export function promptHashes(body: Uint8Array): PromptHashes {
  try {
    const request = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as JsonObject;
    const messages = request.messages ?? request.contents ?? request.input ?? request.prompt;
    if (messages === undefined) return hashWholeBody(body);
    const shared = JSON.stringify([
      request.system ?? request.systemInstruction ?? request.instructions,
      systemMessages(messages),
      request.tools,
    ]);
    return { prompt: digest(`[${JSON.stringify(messages)},${shared}]`), group: digest(shared) };
  } catch {
    return hashWholeBody(body);
  }
}

const hashWholeBody = (body: Uint8Array): PromptHashes => ({ prompt: digest(body), group: none });

function systemMessages(messages: Json): Json {
  if (!Array.isArray(messages)) return [];
  return messages.filter(message => {
    const role = (message as JsonObject | null)?.role;
    return role === 'system' || role === 'developer';
  });
}

const digest = (value: string | Uint8Array): Uint8Array => hash('sha256', value, 'buffer').subarray(0, 8);
