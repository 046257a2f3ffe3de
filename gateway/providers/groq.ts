/** Groq: refuses log-probabilities, names of speakers and more than one answer; reasoning comes apart from the text when asked for. Source: console.groq.com/docs/openai. */
import { approximated, dropped, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const refused = 'Groq refuses it.';

export const groq = dialectOf({
  name: 'groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  environment: ['GROQ_API_KEY'],
  priceBook: 'groq',
  refuses: { logprobs: refused, top_logprobs: refused, logit_bias: refused, n: refused, top_k: refused },
  renames: { max_tokens: 'max_completion_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (/gpt-oss/.test(model)) {
      const told = effort === 'low' || effort === 'medium' ? effort : off || effort === 'minimal' ? 'low' : 'high';
      if (told !== effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${told}.`));
      return { reasoning_effort: told };
    }
    if (/qwen/.test(model)) {
      if (off) return { reasoning_effort: 'none' };
      warnings.push(approximated(field, 'This model reasons or does not; sent as default.'));
      return { reasoning_effort: 'default', reasoning_format: 'parsed' };
    }
    if (!off) warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
    return {};
  },
  nameless: refused,
}) satisfies Provider;
