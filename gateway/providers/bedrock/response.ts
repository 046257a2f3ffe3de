/** Parses a non-streaming Converse response. It has no id and no model name. */
import type { ChatResponse } from '../../core/chat/chat.ts';
import { isObject, type Json } from '../../core/chat/json.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { failureOf } from './failure.ts';
import { listOf, objectOf, parseBlocks, parseFinish, parseUsage, text } from './reading.ts';

export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  const message = objectOf(objectOf(body.output).message);
  if (!Array.isArray(message.content)) {
    const isError = typeof body.message === 'string' || typeof body.Message === 'string';
    return isError ? failureOf(body, '') : { kind: 'invalid-response', message: 'the response has no content' };
  }
  const { content, unread } = parseBlocks(listOf(message.content));
  const usage = parseUsage(body.usage);
  const tier = text(objectOf(body.serviceTier).type);
  return {
    id: '',
    model: '',
    choices: [{ index: 0, content, finish: parseFinish(body.stopReason), ...(unread.length > 0 ? { unread } : {}) }],
    ...(usage ? { usage } : {}),
    ...(tier === '' ? {} : { serviceTier: tier }),
  };
}
