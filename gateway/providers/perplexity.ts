/** Perplexity: searches by itself, calls no tools, and bills a fee for each request beside its tokens. */
import { approximated, dropped, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';
import { nearestEffort } from './openai/thinking.ts';

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
  reasoning: (asked, model, warnings) => {
    const { effort, budgetTokens } = asked;
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (off || !/reasoning|deep-research/.test(model)) {
      if (!off || /reasoning|deep-research/.test(model)) warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
      return {};
    }
    const told = nearestEffort(['minimal', 'low', 'medium', 'high'], asked);
    if (told !== effort) warnings.push(approximated(field, `Perplexity takes minimal, low, medium and high; sent as ${told}.`));
    return { reasoning_effort: told };
  },
}) satisfies Provider;
