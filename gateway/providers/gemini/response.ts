/** Parses a non-streaming Gemini response, like a stream of one chunk or of an array of chunks. */
import type { ChatResponse } from '../../core/chat/chat.ts';
import { collectResponse } from '../../core/chat/collect.ts';
import type { Json } from '../../core/chat/json.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { createReader } from './stream.ts';

/** `body` is a response, or the array of them that streamGenerateContent returns without `alt=sse`. */
export function parseResponse(body: Json): ChatResponse | Failure {
  const chunks: readonly Json[] = Array.isArray(body) ? body : [body];
  const stream = createReader();
  const events = chunks.flatMap(chunk => stream.read(chunk));
  const failed = events.find(event => event.type === 'failure');
  if (failed) return failed.failure;
  const end = stream.end();
  // The body arrived completely, so a missing end was never sent.
  if (!end.complete) return { ...end.failure, kind: 'invalid-response' };
  return collectResponse([...events, ...end.events]);
}
