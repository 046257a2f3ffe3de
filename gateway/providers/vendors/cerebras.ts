/** Cerebras: refuses penalties and biases. Its streams end without `[DONE]`. Source: inference-docs.cerebras.ai, and recordings. */
import { approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const refusedReason = 'Cerebras refuses it.';

export const cerebras = vendorProvider({
  name: 'cerebras',
  baseUrl: 'https://api.cerebras.ai/v1',
  limits: { ...templateLimits, stopCountMax: 4 },
  environment: ['CEREBRAS_API_KEY'],
  priceBook: 'cerebras',
  unsupported: {
    frequency_penalty: refusedReason,
    presence_penalty: refusedReason,
    logit_bias: refusedReason,
    service_tier: refusedReason,
    n: refusedReason,
    top_k: refusedReason,
  },
  renames: { max_tokens: 'max_completion_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (!/gpt-oss/.test(model)) {
      // From GLM 4.7 on by the standard parameter.
      if (off) return /glm-(4\.[7-9]|[5-9])/.test(model) ? { reasoning_effort: 'none' } : { disable_reasoning: true };
      warnings.push(dropped(field, 'This model has no parameter for how much it reasons.'));
      return {};
    }
    const sentEffort = effort === 'low' || effort === 'medium' ? effort : off || effort === 'minimal' ? 'low' : 'high';
    if (sentEffort !== effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${sentEffort}.`));
    return { reasoning_effort: sentEffort };
  },
}) satisfies Provider;
