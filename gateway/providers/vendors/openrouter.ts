/**
 * OpenRouter: one endpoint for many vendors. Reasoning takes an effort or a budget and goes back with its signature; usage includes the
 * cost. Source: openrouter.ai/docs.
 */
import type { Provider } from '../../core/chat/provider.ts';
import { vendorModelTraits } from '../openai/model.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const openrouter = vendorProvider({
  name: 'openrouter',
  baseUrl: 'https://openrouter.ai/api/v1',
  environment: ['OPENROUTER_API_KEY'],
  priceBook: 'openrouter',
  traits: model => ({ ...vendorModelTraits(model), acceptsReasoningDetails: true }),
  reasoning: ({ effort, budgetTokens }) => {
    if (effort === 'none' || budgetTokens === 0) return { reasoning: { enabled: false } };
    return { reasoning: budgetTokens === undefined ? { effort: effort! } : { max_tokens: budgetTokens } };
  },
}) satisfies Provider;
