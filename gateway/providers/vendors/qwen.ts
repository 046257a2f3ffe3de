/** Qwen at DashScope's compatible endpoint: thinking is a switch with a token budget. */
import { approximated, type Provider } from '../../core/chat/provider.ts';
import { budgetOf } from '../openai/thinking.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const ignoredReason = 'DashScope ignores it.';

export const qwen = vendorProvider({
  name: 'qwen',
  baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
  environment: ['DASHSCOPE_API_KEY'],
  priceBook: 'qwen',
  modelPrefixes: ['qwen', 'qwq-', 'qvq-'],
  unsupported: {
    frequency_penalty: ignoredReason,
    logit_bias: ignoredReason,
    service_tier: ignoredReason,
    metadata: ignoredReason,
    user: ignoredReason,
  },
  renames: { max_completion_tokens: 'max_tokens' },
  reasoning: (requested, _model, warnings) => {
    if (requested.effort === 'none' || requested.budgetTokens === 0) return { enable_thinking: false };
    const budget = requested.budgetTokens ?? budgetOf(requested.effort!);
    if (requested.budgetTokens === undefined)
      warnings.push(approximated('reasoning_effort', `Sent as a thinking budget of ${budget} tokens.`));
    return { enable_thinking: true, thinking_budget: budget };
  },
}) satisfies Provider;
