/** Every wire format and dialect that can be called: `api:` in the config is one of these names. */
import type { Provider } from '../core/provider.ts';
import { anthropic } from './anthropic.ts';
import { azure } from './azure.ts';
import { bedrock } from './bedrock.ts';
import { cerebras } from './cerebras.ts';
import { cohere } from './cohere.ts';
import { dashscope } from './dashscope.ts';
import { deepseek } from './deepseek.ts';
import { fireworks } from './fireworks.ts';
import { gemini } from './gemini.ts';
import { groq } from './groq.ts';
import { huggingface } from './huggingface.ts';
import { mistral } from './mistral.ts';
import { ollama } from './ollama.ts';
import { openai } from './openai.ts';
import { openaiResponses } from './openai-responses.ts';
import { openrouter } from './openrouter.ts';
import { perplexity } from './perplexity.ts';
import { qwen } from './qwen.ts';
import { simulated } from './simulated.ts';
import { together } from './together.ts';
import { tokenmix } from './tokenmix.ts';
import { vertex } from './vertex.ts';
import { xai } from './xai.ts';
import { zai } from './zai.ts';

export const providers: Readonly<Record<string, Provider>> = {
  openai,
  'openai-responses': openaiResponses,
  anthropic,
  gemini,
  azure,
  vertex,
  bedrock,
  cohere,
  dashscope,
  mistral,
  deepseek,
  qwen,
  together,
  groq,
  xai,
  openrouter,
  cerebras,
  perplexity,
  ollama,
  huggingface,
  zai,
  fireworks,
  tokenmix,
  simulated,
};
