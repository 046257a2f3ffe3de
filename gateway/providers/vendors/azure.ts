/** Azure OpenAI: a deployment stands in the path instead of a model, the key has a header of its own, and a filter may refuse the prompt. */
import type { Provider } from '../../core/chat/provider.ts';
import { openaiLimits } from '../openai/limits.ts';
import { traitsOf } from '../openai/model.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const azure = vendorProvider({
  name: 'azure',
  baseUrl: 'https://{resource}.openai.azure.com',
  auth: 'api-key',
  account: { resource: '', api_version: '2024-10-21' },
  environment: [],
  priceBook: 'azure',
  limits: openaiLimits,
  // A deployment named after its model is known by that name; any other is taken for one of the models that take everything.
  traits: traitsOf,
  path: deployment => `/openai/deployments/${encodeURIComponent(deployment)}/chat/completions`,
}) satisfies Provider;
