/** Azure OpenAI: the path has a deployment instead of a model, the key its own header, and a content filter may refuse the prompt. */
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
  // A deployment named after its model has that model's traits; any other counts as a model that accepts everything.
  traits: traitsOf,
  path: deployment => `/openai/deployments/${encodeURIComponent(deployment)}/chat/completions`,
}) satisfies Provider;
