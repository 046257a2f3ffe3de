/**
 * Groq: refuses log-probabilities, participant names and more than one choice; reasoning is separate when requested. Source:
 * console.groq.com/docs/openai.
 */
import { approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { vendorLimits } from '../openai/limits.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const refusedReason = 'Groq refuses it.';

export const groq = vendorProvider({
  name: 'groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  limits: { ...vendorLimits, toolCountMax: 128, stopCountMax: 4 },
  environment: ['GROQ_API_KEY'],
  priceBook: 'groq',
  unsupported: { logprobs: refusedReason, top_logprobs: refusedReason, logit_bias: refusedReason, n: refusedReason, top_k: refusedReason },
  renames: { max_tokens: 'max_completion_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (/gpt-oss/.test(model)) {
      const sentEffort = effort === 'low' || effort === 'medium' ? effort : off || effort === 'minimal' ? 'low' : 'high';
      if (sentEffort !== effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${sentEffort}.`));
      return { reasoning_effort: sentEffort };
    }
    if (/qwen/.test(model)) {
      if (off) return { reasoning_effort: 'none' };
      warnings.push(approximated(field, 'This model has reasoning on or off only; sent as default.'));
      return { reasoning_effort: 'default', reasoning_format: 'parsed' };
    }
    if (!off) warnings.push(dropped(field, 'This model has no parameter for how much it reasons.'));
    return {};
  },
  namesUnsupported: refusedReason,
}) satisfies Provider;
