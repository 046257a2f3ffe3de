/** Together: log-probabilities are requested by their number. */
import { approximated, type Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const ignoredReason = 'Together ignores it.';

export const together = vendorProvider({
  name: 'together',
  baseUrl: 'https://api.together.xyz/v1',
  limits: templateLimits,
  environment: ['TOGETHER_API_KEY', 'TOGETHERAI_API_KEY'],
  priceBook: 'together',
  unsupported: { parallel_tool_calls: ignoredReason, service_tier: ignoredReason, metadata: ignoredReason, user: ignoredReason },
  renames: { max_completion_tokens: 'max_tokens' },
  amend: ({ logprobs, top_logprobs: top }, _model, warnings) => {
    if (logprobs !== true) return {};
    if (typeof top === 'number' && top > 0) return { logprobs: top, top_logprobs: undefined };
    warnings.push(approximated('logprobs', 'Together gives one alternative at least.'));
    return { logprobs: 1, top_logprobs: undefined };
  },
}) satisfies Provider;
