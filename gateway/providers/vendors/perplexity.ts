/** Perplexity: built-in search, no tool calls, and a fee per request beside its tokens. */
import { approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { nearestEffort } from '../openai/thinking.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const noToolsReason = 'Perplexity calls no tools.';
const ignoredReason = 'Perplexity has no equivalent.';

export const perplexity = vendorProvider({
  name: 'perplexity',
  baseUrl: 'https://api.perplexity.ai',
  limits: templateLimits,
  environment: ['PERPLEXITY_API_KEY', 'PPLX_API_KEY'],
  priceBook: 'perplexity',
  modelPrefixes: ['sonar'],
  omits: ['stream_options'],
  unsupported: {
    tools: noToolsReason,
    tool_choice: noToolsReason,
    parallel_tool_calls: noToolsReason,
    n: ignoredReason,
    seed: ignoredReason,
    logprobs: ignoredReason,
    top_logprobs: ignoredReason,
    logit_bias: ignoredReason,
    user: ignoredReason,
    service_tier: ignoredReason,
    metadata: ignoredReason,
  },
  renames: { max_completion_tokens: 'max_tokens' },
  reasoning: (requested, model, warnings) => {
    const { effort, budgetTokens } = requested;
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (off || !/reasoning|deep-research/.test(model)) {
      if (!off || /reasoning|deep-research/.test(model))
        warnings.push(dropped(field, 'This model has no parameter for how much it reasons.'));
      return {};
    }
    const sentEffort = nearestEffort(['minimal', 'low', 'medium', 'high'], requested);
    if (sentEffort !== effort) warnings.push(approximated(field, `Perplexity takes minimal, low, medium and high; sent as ${sentEffort}.`));
    return { reasoning_effort: sentEffort };
  },
}) satisfies Provider;
