/** Fireworks: cuts a prompt that is too long unless it is told to refuse it. */
import type { Provider } from '../../core/chat/provider.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const fireworks = vendorProvider({
  name: 'fireworks',
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  environment: ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY'],
  priceBook: 'fireworks',
  unsupported: { metadata: 'Fireworks passes over it.' },
  renames: { max_completion_tokens: 'max_tokens' },
  // Half a prompt answered in silence would be a loss that nobody sees.
  amend: ({ context_length_exceeded_behavior: given }) => (given === undefined ? { context_length_exceeded_behavior: 'error' } : {}),
}) satisfies Provider;
