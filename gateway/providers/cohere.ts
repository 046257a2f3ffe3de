/** Cohere's chat API, version 2. */
import type { Provider } from '../core/chat/provider.ts';
import { renderRequest } from './cohere/request.ts';
import { parseResponse } from './cohere/response.ts';
import { parseStream } from './cohere/stream.ts';
import { parseFailure } from './openai/parsing/failure.ts';

export const cohere = {
  name: 'cohere',
  wire: 'cohere-v2',
  baseUrl: 'https://api.cohere.com',
  auth: 'bearer',
  framing: 'sse',
  environment: ['COHERE_API_KEY', 'CO_API_KEY'],
  headers: {},
  priceBook: 'cohere',
  modelPrefixes: ['command-', 'c4ai-'],
  limits: { toolName: { lengthMax: 64, letters: 'a-zA-Z0-9_', startsWithLetter: true }, stopCountMax: 5 },
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
