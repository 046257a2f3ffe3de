/** Fingerprints of a request's prompt, whatever its wire format: the same prompt finds itself again, and prompts of one family lie together. */
import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../../../../gateway/core/chat/json.ts';

export interface PromptHashes {
  /** Of everything that is said. */
  readonly prompt: bigint;
  /** Of what many requests share: system prompt and tools. */
  readonly group: bigint;
}

/** A body that is no JSON object is hashed as it stands. */
export function promptHashes(body: Uint8Array): PromptHashes {
  try {
    const request = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as JsonObject;
    const messages = request.messages ?? request.contents ?? request.input ?? request.prompt;
    if (messages === undefined) return hashWholeBody(body);
    const sharedParts = [request.system ?? request.systemInstruction ?? request.instructions, systemMessages(messages), request.tools];
    return { prompt: hash(JSON.stringify([messages, sharedParts])), group: hash(JSON.stringify(sharedParts)) };
  } catch {
    return hashWholeBody(body);
  }
}

const hashWholeBody = (body: Uint8Array): PromptHashes => ({ prompt: hash(body), group: 0n });

function systemMessages(messages: Json): Json {
  if (!Array.isArray(messages)) return [];
  return messages.filter(message => {
    const role = (message as JsonObject | null)?.role;
    return role === 'system' || role === 'developer';
  });
}

const hash = (value: string | Uint8Array): bigint => createHash('sha256').update(value).digest().readBigUInt64LE(0);
