/** All caller formats, and the detection of a request's format before its body is read. */
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { anthropicMessages } from './anthropic.ts';
import { openaiCompletions } from './completions.ts';
import { geminiGenerate } from './gemini.ts';
import { openaiChat } from './openai.ts';
import { openaiResponses } from './responses.ts';

/** All formats that callers may use. */
export const callerFormats: readonly CallerFormat[] = [openaiChat, openaiResponses, anthropicMessages, geminiGenerate, openaiCompletions];

/** By the name used in records. */
export const callerFormatNamed = (name: string): CallerFormat | undefined => callerFormats.find(dialect => dialect.name === name);

/** The format of a request, for errors before routing. Header names are in lower case. */
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
