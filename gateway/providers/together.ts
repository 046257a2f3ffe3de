/** Together: log-probabilities are asked for by their number. */
import type { Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const ignored = 'Together passes over it.';

export const together = dialectOf({
  name: 'together',
  baseUrl: 'https://api.together.xyz/v1',
  environment: ['TOGETHER_API_KEY', 'TOGETHERAI_API_KEY'],
  priceBook: 'together',
  refuses: { parallel_tool_calls: ignored, service_tier: ignored, metadata: ignored, user: ignored },
  renames: { max_completion_tokens: 'max_tokens' },
  amend: ({ logprobs, top_logprobs: top }) => {
    if (logprobs !== true) return {};
    return { logprobs: typeof top === 'number' && top > 0 ? top : 1, top_logprobs: undefined };
  },
}) satisfies Provider;
