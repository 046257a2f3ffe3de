/** OpenAI's first API, text completions, as callers speak it: the prompt is asked as what a user says, for no provider's chat models complete texts. */
import type { CallerError, Dialect } from '../core/dialect.ts';
import { parseRequest } from './completions/request.ts';
import { answerLosses, renderResponse, renderStream } from './completions/response.ts';
import { errorOf } from './openai/wire.ts';

export const openaiCompletions = {
  name: 'openai-completions',
  wire: 'openai-completions',
  operation: 'text_completion',
  loses: answerLosses,
  parseRequest,
  renderResponse,
  renderStream,
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies Dialect;
