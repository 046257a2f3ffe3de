/** Caller format: OpenAI's Chat Completions API. */
import type { CallerError, CallerFormat } from '../core/chat/caller-format.ts';
import { parseRequest } from './openai/request.ts';
import { renderResponse } from './openai/response.ts';
import { renderStream } from './openai/stream.ts';
import { errorOf, responseLosses } from './openai/wire.ts';

export const openaiChat = {
  name: 'openai-chat',
  wire: 'openai-chat',
  responseLosses,
  parseRequest,
  renderResponse,
  renderStream,
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies CallerFormat;
