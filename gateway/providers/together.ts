/** Together: log-probabilities are asked for by their number. */
import { approximated, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const ignored = 'Together passes over it.';

export const together = dialectOf({
  name: 'together',
  baseUrl: 'https://api.together.xyz/v1',
  environment: ['TOGETHER_API_KEY', 'TOGETHERAI_API_KEY'],
  priceBook: 'together',
  refuses: { parallel_tool_calls: ignored, service_tier: ignored, metadata: ignored, user: ignored },
  renames: { max_completion_tokens: 'max_tokens' },
  amend: ({ logprobs, top_logprobs: top }, _model, warnings) => {
    if (logprobs !== true) return {};
    if (typeof top === 'number' && top > 0) return { logprobs: top, top_logprobs: undefined };
    warnings.push(approximated('logprobs', 'Together gives one alternative at least.'));
    return { logprobs: 1, top_logprobs: undefined };
  },
}) satisfies Provider;
