/** Qwen by DashScope's compatible address: thinking is a switch and a budget of tokens. */
import { approximated, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';
import { budgetOf } from './openai/thinking.ts';

const ignored = 'DashScope passes over it.';

export const qwen = dialectOf({
  name: 'qwen',
  baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
  environment: ['DASHSCOPE_API_KEY'],
  priceBook: 'qwen',
  modelPrefixes: ['qwen', 'qwq-', 'qvq-'],
  refuses: { frequency_penalty: ignored, logit_bias: ignored, service_tier: ignored, metadata: ignored, user: ignored },
  renames: { max_completion_tokens: 'max_tokens' },
  reasoning: (asked, _model, warnings) => {
    if (asked.effort === 'none' || asked.budgetTokens === 0) return { enable_thinking: false };
    const budget = asked.budgetTokens ?? budgetOf(asked.effort!);
    if (asked.budgetTokens === undefined) warnings.push(approximated('reasoning_effort', `Sent as a thinking budget of ${budget} tokens.`));
    return { enable_thinking: true, thinking_budget: budget };
  },
}) satisfies Provider;
