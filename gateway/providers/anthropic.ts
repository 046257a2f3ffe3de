/** Anthropic's Messages API. */
import { nameOf, visibleLetters } from '../core/chat/limits/field-limits.ts';
import type { Provider } from '../core/chat/provider.ts';
import { parseFailure } from './anthropic/failure.ts';
import { prefills } from './anthropic/model.ts';
import { renderRequest } from './anthropic/request.ts';
import { parseResponse } from './anthropic/response.ts';
import { parseStream } from './anthropic/stream.ts';
import { anthropicCounter } from './counters/token-counters.ts';

export const anthropic = {
  name: 'anthropic',
  wire: 'anthropic-messages',
  baseUrl: 'https://api.anthropic.com',
  auth: 'x-api-key',
  framing: 'sse',
  environment: ['ANTHROPIC_API_KEY'],
  headers: { 'anthropic-version': '2023-06-01' },
  priceBook: 'anthropic',
  cacheHints: true,
  citesDocuments: true,
  modelPrefixes: ['claude-'],
  prefills,
  limits: {
    user: { lengthMax: 256, letters: visibleLetters, refusesEmail: true },
    toolName: nameOf(128),
    callId: nameOf(128),
    toolForms: ['deferred'],
  },
  counter: anthropicCounter,
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
