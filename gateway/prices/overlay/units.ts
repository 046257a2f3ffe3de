/** What is billed by something else than tokens, and what is free. Sources: openai.com/api/pricing and cohere.com/pricing, November 2026. */
import type { PriceEntries } from '../../settings/settings.ts';

const free = { input: 0, output: 0 };

export const unitPrices: PriceEntries = {
  'openai/tts-1': { per_character: 15e-6 },
  'openai/tts-1-hd': { per_character: 30e-6 },
  'openai/dall-e-2': { per_image: { '256x256': 0.016, '512x512': 0.018, '1024x1024': 0.02 } },
  'openai/dall-e-3': {
    per_image: {
      '1024x1024': 0.04,
      '1024x1792': 0.08,
      '1792x1024': 0.08,
      'hd 1024x1024': 0.08,
      'hd 1024x1792': 0.12,
      'hd 1792x1024': 0.12,
    },
  },
  // Mistral's moderation is not free.
  'openai/omni-moderation*': free,
  'openai/text-moderation*': free,
  'cohere/rerank-*': { per_search: 0.002 },
};
