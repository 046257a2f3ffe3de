/** Every wire format that callers may speak, and which of them a request is in before anything of it was read. */
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { anthropicMessages } from './anthropic.ts';
import { openaiCompletions } from './completions.ts';
import { geminiGenerate } from './gemini.ts';
import { openaiChat } from './openai.ts';
import { openaiResponses } from './responses.ts';

export const callerFormats: readonly CallerFormat[] = [openaiChat, openaiResponses, anthropicMessages, geminiGenerate, openaiCompletions];

/** By the name that stands on records. */
export const callerFormatNamed = (name: string): CallerFormat | undefined => callerFormats.find(dialect => dialect.name === name);

/** Whose clients ask at this path: what goes wrong before a route is found is told in their shape. Names of headers are in lower case. */
export function callerFormatAt(url: string, headers: Readonly<Record<string, unknown>>): CallerFormat {
  const path = url.split(/[?#]/, 1)[0]!;
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return anthropicMessages;
  if (/^\/v1beta(?:\/|$)/.test(path) || /^\/v1\/models\/.*:\w+$/.test(path)) return geminiGenerate;
  if (/^\/v1\/models(?:\/|$)/.test(path)) {
    if (headers['anthropic-version'] !== undefined) return anthropicMessages;
    if (headers['x-goog-api-key'] !== undefined) return geminiGenerate;
  }
  return openaiChat;
}
