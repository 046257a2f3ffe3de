/** Mistral: refuses members that it does not know, names the seed and a forced tool otherwise, and wants nine letters as a call's id. */
import { approximated, dropped, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';
import { shortIds } from './openai/ids.ts';

const unknown = 'Mistral has nothing like it.';
const adjustable = /mistral-(small|medium)/;

export const mistral = dialectOf({
  name: 'mistral',
  baseUrl: 'https://api.mistral.ai/v1',
  environment: ['MISTRAL_API_KEY'],
  priceBook: 'mistral',
  modelPrefixes: [
    'mistral-',
    'ministral-',
    'magistral-',
    'codestral-',
    'devstral-',
    'pixtral-',
    'voxtral-',
    'open-mistral-',
    'open-mixtral-',
  ],
  omits: ['stream_options'],
  refuses: {
    user: unknown,
    logprobs: unknown,
    top_logprobs: unknown,
    logit_bias: unknown,
    service_tier: unknown,
    store: unknown,
    top_k: unknown,
  },
  renames: { seed: 'random_seed', max_completion_tokens: 'max_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (!adjustable.test(model)) {
      if (effort !== 'none') warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
      return {};
    }
    const told = effort === 'none' || budgetTokens === 0 ? 'none' : 'high';
    if (told !== effort) warnings.push(approximated(field, `Mistral reasons or does not; sent as ${told}.`));
    return { reasoning_effort: told };
  },
  amend: body => ({
    ...(body.tool_choice === 'required' ? { tool_choice: 'any' } : {}),
    ...shortIds(body.messages),
  }),
}) satisfies Provider;
