/** OpenAI's Responses API, used statelessly: the whole conversation is sent, and nothing is stored unless the caller requests it. */
import { visibleLetters } from '../core/chat/limits/field-limits.ts';
import type { Provider } from '../core/chat/provider.ts';
import { responsesCounter } from './counters/token-counters.ts';
import { openaiLimits } from './openai/limits.ts';
import { parseFailure } from './openai/parsing/failure.ts';
import { renderRequest } from './openai-responses/request.ts';
import { parseResponse } from './openai-responses/response.ts';
import { parseStream } from './openai-responses/stream.ts';

export const openaiResponses = {
  name: 'openai-responses',
  wire: 'openai-responses',
  baseUrl: 'https://api.openai.com/v1',
  auth: 'bearer',
  framing: 'sse',
  environment: [],
  headers: {},
  priceBook: 'openai',
  limits: {
    ...openaiLimits,
    toolForms: ['freeform', 'search', 'namespace', 'deferred'],
    callId: { lengthMax: 64, letters: visibleLetters },
  },
  counter: responsesCounter,
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
