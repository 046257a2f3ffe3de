/** Cerebras: refuses penalties and biases. Its streams end without `[DONE]`. Source: inference-docs.cerebras.ai, and recordings. */
import { approximated, dropped, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const refused = 'Cerebras refuses it.';

export const cerebras = dialectOf({
  name: 'cerebras',
  baseUrl: 'https://api.cerebras.ai/v1',
  environment: ['CEREBRAS_API_KEY'],
  priceBook: 'cerebras',
  refuses: {
    frequency_penalty: refused,
    presence_penalty: refused,
    logit_bias: refused,
    service_tier: refused,
    n: refused,
    top_k: refused,
  },
  renames: { max_tokens: 'max_completion_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (!/gpt-oss/.test(model)) {
      // From GLM 4.7 on by the common word.
      if (off) return /glm-(4\.[7-9]|[5-9])/.test(model) ? { reasoning_effort: 'none' } : { disable_reasoning: true };
      warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
      return {};
    }
    const told = effort === 'low' || effort === 'medium' ? effort : off || effort === 'minimal' ? 'low' : 'high';
    if (told !== effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${told}.`));
    return { reasoning_effort: told };
  },
}) satisfies Provider;
