/** All wire formats and dialects, by their name in the config's `api:`. */
import type { Provider } from '../core/chat/provider.ts';
import { anthropic } from './anthropic.ts';
import { bedrock } from './bedrock.ts';
import { cohere } from './cohere.ts';
import { dashscope } from './dashscope.ts';
import { gemini } from './gemini.ts';
import { openai } from './openai.ts';
import { openaiResponses } from './openai-responses.ts';
import { simulated } from './simulated.ts';
import { azure } from './vendors/azure.ts';
import { cerebras } from './vendors/cerebras.ts';
import { deepseek } from './vendors/deepseek.ts';
import { fireworks } from './vendors/fireworks.ts';
import { groq } from './vendors/groq.ts';
import { huggingface } from './vendors/huggingface.ts';
import { mistral } from './vendors/mistral.ts';
import { ollama } from './vendors/ollama.ts';
import { openrouter } from './vendors/openrouter.ts';
import { perplexity } from './vendors/perplexity.ts';
import { qwen } from './vendors/qwen.ts';
import { together } from './vendors/together.ts';
import { tokenmix } from './vendors/tokenmix.ts';
import { xai } from './vendors/xai.ts';
import { zai } from './vendors/zai.ts';
import { vertex } from './vertex.ts';

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
