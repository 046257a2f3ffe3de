/** TokenMix: a relay with OpenAI's chat completions; a model has the traits of its vendor. */
import type { Provider } from '../../core/chat/provider.ts';
import { compatibleLimits } from '../openai/limits.ts';
import { traitsOf } from '../openai/model.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const tokenmix = vendorProvider({
  name: 'tokenmix',
  baseUrl: 'https://api.tokenmix.ai/v1',
  limits: compatibleLimits,
  environment: ['TOKENMIX_API_KEY'],
  priceBook: 'tokenmix',
  traits: traitsOf,
}) satisfies Provider;
