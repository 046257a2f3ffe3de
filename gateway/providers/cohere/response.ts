/** Parses a non-streaming Cohere response. It has no model name. */
import type { ChatResponse, Part } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { callsIn } from '../openai/parsing/content.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { generateCallId, listOf, text } from '../openai/parsing/reading.ts';
import { attachCitations } from '../openai/parsing/response.ts';
import { citationsOf, parseFinish, parseLogprobs, parseUsage } from './reading.ts';

export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  const { message } = body;
  if (!isObject(message)) {
    const error = errorIn(body) ?? (typeof message === 'string' ? body : undefined);
    return error ? failureOf(error) : { kind: 'invalid-response', message: 'the response has no message' };
  }
  const id = text(body.id);
  const usage = parseUsage(body.usage);
  const logprobs = parseLogprobs(body.logprobs);
  const content = contentOf(message, id);
  return {
    id,
    model: '',
    choices: [{ index: 0, content, finish: parseFinish(body.finish_reason), ...(logprobs.length > 0 ? { logprobs } : {}) }],
    ...(usage ? { usage } : {}),
  };
}

/** Citation offsets refer to the text, so all citations go with the first text part. */
function contentOf(message: JsonObject, id: string): readonly Part[] {
  const citations = citationsOf(message.citations);
  const contentParts = listOf(message.content).flatMap((part): readonly Part[] => {
    if (part.type === 'thinking') return text(part.thinking) === '' ? [] : [{ type: 'reasoning', text: text(part.thinking) }];
    return text(part.text) === '' ? [] : [{ type: 'text', text: text(part.text) }];
  });
  const plain: readonly Part[] =
    typeof message.content === 'string' && message.content !== '' ? [{ type: 'text', text: message.content }] : [];
  const plan: readonly Part[] = text(message.tool_plan) === '' ? [] : [{ type: 'reasoning', text: text(message.tool_plan) }];
  const calls = callsIn(message).map(
    (call, number): Part => ({
      type: 'tool-call',
      id: call.id || generateCallId(id, 0, number, call.name),
      name: call.name,
      arguments: call.arguments,
    }),
  );
  const parts = [...plan, ...plain, ...contentParts];
  return [...attachCitations(parts, citations), ...calls];
}
