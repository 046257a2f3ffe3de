/** OpenAI's Chat Completions API, and the vendors that implement it. */
import type { Provider } from '../core/chat/provider.ts';
import { adaptAnswer } from './openai/adapt-answer.ts';
import { compatibleLimits } from './openai/limits.ts';
import { parseFailure } from './openai/parsing/failure.ts';
import { parseResponse } from './openai/parsing/response.ts';
import { parseStream } from './openai/parsing/stream.ts';
import { renderRequest } from './openai/request.ts';

export const openai = {
  name: 'openai',
  wire: 'openai-chat',
  baseUrl: 'https://api.openai.com/v1',
  auth: 'bearer',
  framing: 'sse',
  environment: ['OPENAI_API_KEY'],
  headers: {},
  priceBook: 'openai',
  modelPrefixes: ['gpt-', 'chatgpt-', 'o1', 'o3', 'o4', 'ft:gpt-', 'ft:o'],
  limits: compatibleLimits,
  adaptAnswer,
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
