/** Tool call ids in the only format that Mistral accepts: nine letters and digits. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { listOf } from './parsing/reading.ts';

const allowed = /^[a-zA-Z0-9]{9}$/;

/** The messages with such ids, when they have others. Ids only join calls to results. */
export function shortIds(messages: Json | undefined): { readonly messages?: readonly Json[] } {
  if (!Array.isArray(messages)) return {};
  let changed = false;
  const shorten = (id: Json | undefined): Json => {
    if (typeof id !== 'string' || allowed.test(id)) return id ?? null;
    changed = true;
    return shortId(id);
  };
  const renamed = (messages as readonly Json[]).map((message): Json => {
    if (!isObject(message)) return message;
    const calls = listOf(message.tool_calls).map((call): JsonObject => ({ ...call, id: shorten(call.id) }));
    return {
      ...message,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      ...(message.tool_call_id === undefined ? {} : { tool_call_id: shorten(message.tool_call_id) }),
    };
  });
  return changed ? { messages: renamed } : {};
}

/** Deterministic, so that an id is the same in every turn. */
function shortId(id: string): string {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let i = 0; i < id.length; i++) {
    low = Math.imul(low ^ id.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ id.charCodeAt(i), 0x85ebca6b) ^ (high >>> 13);
  }
  const word = (low >>> 0).toString(36).padStart(7, '0') + (high >>> 0).toString(36).padStart(7, '0');
  return word.slice(2, 7) + word.slice(10);
}
