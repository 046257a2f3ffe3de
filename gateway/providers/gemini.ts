/** Google's Gemini API, generateContent. */
import type { Provider } from '../core/chat/provider.ts';
import { geminiCounter } from './counters/token-counters.ts';
import { parseFailure } from './gemini/failure.ts';
import { renderRequest } from './gemini/request.ts';
import { parseResponse } from './gemini/response.ts';
import { parseStream } from './gemini/stream.ts';

export const gemini = {
  name: 'gemini',
  wire: 'gemini-generate',
  baseUrl: 'https://generativelanguage.googleapis.com',
  auth: 'x-goog-api-key',
  framing: 'sse',
  environment: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  headers: {},
  priceBook: 'google',
  modelPrefixes: ['gemini-'],
  limits: { toolName: { lengthMax: 64, letters: 'a-zA-Z0-9_.-', startsWithLetter: true }, stopCountMax: 5, refs: 'alone' },
  counter: geminiCounter,
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
