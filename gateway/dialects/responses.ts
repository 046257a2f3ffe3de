/** Caller format: OpenAI's Responses API. Nothing is stored, so references by id only work at targets of the same format. */
import type { CallerError, CallerFormat } from '../core/chat/caller-format.ts';
import { errorOf } from './openai/wire.ts';
import { parseRequest } from './responses/request.ts';
import { renderResponse } from './responses/response.ts';
import { renderStream } from './responses/stream.ts';
import { responseLosses } from './responses/wire.ts';

export const openaiResponses = {
  name: 'openai-responses',
  wire: 'openai-responses',
  alwaysUsage: true,
  fieldNames: {
    max_tokens: 'max_output_tokens',
    response_format: 'text.format',
    reasoning_effort: 'reasoning.effort',
    logprobs: 'include',
  },
  responseLosses,
  parseRequest,
  renderResponse,
  renderStream,
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies CallerFormat;
