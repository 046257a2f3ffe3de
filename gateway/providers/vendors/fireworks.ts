/** Fireworks: truncates a prompt that is too long unless a parameter makes it refuse. */
import type { Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

export const fireworks = vendorProvider({
  name: 'fireworks',
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  limits: { ...templateLimits, stopCountMax: 4 },
  environment: ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY'],
  priceBook: 'fireworks',
  unsupported: { metadata: 'Fireworks ignores it.' },
  renames: { max_completion_tokens: 'max_tokens' },
  // A silently truncated prompt would be an unreported loss.
  amend: ({ context_length_exceeded_behavior: given }) => (given === undefined ? { context_length_exceeded_behavior: 'error' } : {}),
}) satisfies Provider;
