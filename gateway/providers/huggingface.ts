/** Hugging Face's router: a model may name who shall serve it after a colon. */
import type { Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

export const huggingface = dialectOf({
  name: 'huggingface',
  baseUrl: 'https://router.huggingface.co/v1',
  environment: ['HUGGINGFACE_API_KEY'],
  priceBook: 'huggingface',
  refuses: { metadata: 'The router passes over it.', service_tier: 'The router has no tiers.' },
  renames: { max_completion_tokens: 'max_tokens' },
}) satisfies Provider;
