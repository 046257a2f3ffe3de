/** Caller format: Anthropic's Messages API. */
import type { CallerError, CallerFormat } from '../core/chat/caller-format.ts';
import { parseRequest } from './anthropic/request.ts';
import { renderResponse } from './anthropic/response.ts';
import { renderStream } from './anthropic/stream.ts';
import { errorOf, responseLosses } from './anthropic/wire.ts';

export const anthropicMessages = {
  name: 'anthropic-messages',
  wire: 'anthropic-messages',
  alwaysUsage: true,
  idHeader: 'request-id',
  fieldNames: {
    stop: 'stop_sequences',
    response_format: 'output_config.format',
    reasoning_effort: 'thinking',
    reasoning: 'thinking',
    parallel_tool_calls: 'tool_choice.disable_parallel_tool_use',
    user: 'metadata.user_id',
  },
  responseLosses,
  parseRequest,
  renderResponse,
  renderStream,
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies CallerFormat;
