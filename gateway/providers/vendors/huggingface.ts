/** Hugging Face's router: a model may name its serving provider after a colon. */
import type { Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const huggingface = vendorProvider({
  name: 'huggingface',
  baseUrl: 'https://router.huggingface.co/v1',
  limits: templateLimits,
  environment: ['HUGGINGFACE_API_KEY'],
  priceBook: 'huggingface',
  unsupported: { metadata: 'The router ignores it.', service_tier: 'The router has no tiers.' },
  renames: { max_completion_tokens: 'max_tokens' },
}) satisfies Provider;
