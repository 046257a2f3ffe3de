/** Caller format: OpenAI's text completions. The prompt becomes a user message, because chat models do not complete texts. */
import type { CallerError, CallerFormat } from '../core/chat/caller-format.ts';
import { parseRequest } from './completions/request.ts';
import { renderResponse, renderStream, responseLosses } from './completions/response.ts';
import { errorOf } from './openai/wire.ts';

export const openaiCompletions = {
  name: 'openai-completions',
  wire: 'openai-completions',
  operation: 'text_completion',
  responseLosses,
  parseRequest,
  renderResponse,
  renderStream,
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies CallerFormat;
