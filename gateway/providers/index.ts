/** Every wire format that can be called: `api:` in the config is one of these names. */
import type { Provider } from '../core/provider.ts';
import { anthropic } from './anthropic.ts';
import { gemini } from './gemini.ts';
import { openai } from './openai.ts';
import { openaiResponses } from './openai-responses.ts';
import { simulated } from './simulated.ts';

export const providers: Readonly<Record<string, Provider>> = {
  openai,
  'openai-responses': openaiResponses,
  anthropic,
  gemini,
  simulated,
};
