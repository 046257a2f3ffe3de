/** DashScope's native format for Qwen: separate input and parameters; streams are requested with incremental output. */
import { nameOf } from '../core/chat/limits/field-limits.ts';
import type { Provider } from '../core/chat/provider.ts';
import { renderRequest } from './dashscope/request.ts';
import { parseResponse } from './dashscope/response.ts';
import { parseStream } from './dashscope/stream.ts';
import { parseFailure } from './openai/parsing/failure.ts';

export const dashscope = {
  name: 'dashscope',
  wire: 'dashscope',
  baseUrl: 'https://dashscope-intl.aliyuncs.com/api/v1',
  auth: 'bearer',
  framing: 'sse',
  environment: [],
  headers: {},
  streamHeaders: { 'x-dashscope-sse': 'enable' },
  priceBook: 'qwen',
  limits: { toolName: nameOf(64) },
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
