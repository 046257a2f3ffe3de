/** Parses a non-streaming response of the Responses API. */
import type { ChatResponse } from '../../core/chat/chat.ts';
import { isObject, type Json } from '../../core/chat/json.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { listOf, text } from '../openai/parsing/reading.ts';
import { failureIn, finishOf, logprobsOf, parseOutput, parseUsage } from './reading.ts';

export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  if (!Array.isArray(body.output)) {
    const error = errorIn(body);
    return error ? failureOf(error) : { kind: 'invalid-response', message: 'the response has no output' };
  }
  const failure = failureIn(body);
  if (failure) return failure;
  const output = listOf(body.output);
  const { content, unread } = parseOutput(output);
  const logprobs = output.flatMap(item => listOf(item.content).flatMap(part => logprobsOf(part.logprobs)));
  const usage = parseUsage(body.usage);
  const has = { calls: content.some(part => part.type === 'tool-call'), refusal: content.some(part => part.type === 'refusal') };
  return {
    id: text(body.id),
    model: text(body.model),
    ...(typeof body.created_at === 'number' && body.created_at > 0 ? { created: Math.floor(body.created_at) } : {}),
    choices: [
      {
        index: 0,
        content,
        finish: finishOf(body, has),
        ...(logprobs.length > 0 ? { logprobs } : {}),
        ...(unread.length > 0 ? { unread } : {}),
      },
    ],
    ...(usage ? { usage } : {}),
    ...(text(body.service_tier) === '' ? {} : { serviceTier: text(body.service_tier) }),
  };
}
