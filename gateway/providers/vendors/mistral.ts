/** Mistral: refuses unknown members, has its own names for the seed and a forced tool, and requires call ids of nine letters or digits. */
import { approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { shortIds } from '../openai/short-ids.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const unknownReason = 'Mistral has no equivalent.';
const adjustableModels = /mistral-(small|medium)/;

export const mistral = vendorProvider({
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
  unsupported: {
    user: unknownReason,
    logprobs: unknownReason,
    top_logprobs: unknownReason,
    logit_bias: unknownReason,
    service_tier: unknownReason,
    store: unknownReason,
    top_k: unknownReason,
  },
  renames: { seed: 'random_seed', max_completion_tokens: 'max_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (!adjustableModels.test(model)) {
      if (effort !== 'none') warnings.push(dropped(field, 'This model has no parameter for how much it reasons.'));
      return {};
    }
    const sentEffort = effort === 'none' || budgetTokens === 0 ? 'none' : 'high';
    if (sentEffort !== effort) warnings.push(approximated(field, `Mistral has reasoning on or off only; sent as ${sentEffort}.`));
    return { reasoning_effort: sentEffort };
  },
  amend: body => ({
    ...(body.tool_choice === 'required' ? { tool_choice: 'any' } : {}),
    ...shortIds(body.messages),
  }),
}) satisfies Provider;
