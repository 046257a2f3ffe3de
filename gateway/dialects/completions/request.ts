/** Parses the body of POST /v1/completions as a ChatRequest, or returns the first invalid member. */

import type { FieldProblem } from '../../core/chat/caller-format.ts';
import type { ChatRequest } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { parseRequest as parseChat } from '../openai/request.ts';
import {
  createRequestReader,
  type RequestReader,
  readNumber,
  readText,
  refuse,
  requireGiven,
  requireText,
} from '../openai/request-reader.ts';

/** Members that chat completions do not have, or use with another meaning. */
const completionMembers = ['prompt', 'suffix', 'echo', 'best_of', 'logprobs'];
const logprobsMax = 20;

export function parseRequest(body: JsonObject): ChatRequest | FieldProblem {
  const reading = createRequestReader();
  const prompt = readPrompt(reading, body.prompt);
  const suffix = readText(reading, body.suffix, 'suffix');
  const top = readNumber(reading, body.logprobs, 'logprobs', { min: 0, max: logprobsMax, integer: true });
  if (reading.problem) return { problem: reading.problem };
  const shared = Object.fromEntries(Object.entries(body).filter(([member]) => !completionMembers.includes(member)));
  const chat = parseChat({ ...shared, messages: [{ role: 'user', content: prompt }] });
  if ('problem' in chat) return chat;
  const unread = [
    ...(suffix ? ['suffix'] : []),
    ...(body.echo === true ? ['echo'] : []),
    ...(typeof body.best_of === 'number' && body.best_of > 1 ? ['best_of'] : []),
    ...(chat.unread ?? []),
  ];
  const logprobs = top === undefined ? {} : { logprobs: { top } };
  return { ...chat, ...logprobs, messagePaths: ['prompt'], ...(unread.length > 0 ? { unread } : {}) };
}

/** One text, alone or in a list. Several texts would be several requests, and token arrays belong to one model. */
function readPrompt(reading: RequestReader, prompt: Json | undefined): string {
  if (!requireGiven(reading, prompt, 'prompt', 'a text')) return '';
  if (!Array.isArray(prompt)) return requireText(reading, prompt, 'prompt');
  const [only] = prompt as readonly Json[];
  if (prompt.length === 1 && typeof only === 'string') return requireText(reading, only, 'prompt[0]');
  const what =
    typeof only === 'number' || isObject(only) || Array.isArray(only) ? 'tokens cannot be read here' : 'several are several requests';
  refuse(reading, 'invalid_value', 'prompt', `prompt must be one text: ${what}. Send each text as a request of its own.`);
  return '';
}
