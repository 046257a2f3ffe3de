/** Perplexity: searches by itself, calls no tools, and bills a fee for each request beside its tokens. */
import type { Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const tools = 'Perplexity calls no tools.';
const ignored = 'Perplexity has nothing like it.';

export const perplexity = dialectOf({
  name: 'perplexity',
  baseUrl: 'https://api.perplexity.ai',
  environment: ['PERPLEXITY_API_KEY', 'PPLX_API_KEY'],
  priceBook: 'perplexity',
  modelPrefixes: ['sonar'],
  omits: ['stream_options'],
  refuses: {
    tools,
    tool_choice: tools,
    parallel_tool_calls: tools,
    n: ignored,
    seed: ignored,
    logprobs: ignored,
    top_logprobs: ignored,
    logit_bias: ignored,
    user: ignored,
    service_tier: ignored,
    metadata: ignored,
  },
  renames: { max_completion_tokens: 'max_tokens' },
}) satisfies Provider;
