/** Prices of Fireworks, of named models and by size of others. Source: docs.fireworks.ai/serverless/pricing, November 2026. */
import type { PriceEntries } from '../../settings/settings.ts';
import { plainRows } from './rows.ts';

export const fireworks: PriceEntries = {
  ...plainRows('fireworks', {
    'accounts/fireworks/models/kimi-k2p6': [0.95, 4, 0.16],
    'accounts/fireworks/models/kimi-k2p6-turbo': [2, 8, 0.3],
    'accounts/fireworks/models/kimi-k2p5': [0.6, 3, 0.1],
    'accounts/fireworks/models/deepseek-v4-pro': [1.74, 3.48, 0.145],
    'accounts/fireworks/models/deepseek-v3': [0.56, 1.68, 0.28],
    'accounts/fireworks/models/deepseek-v3-0324': [0.56, 1.68, 0.28],
    'accounts/fireworks/models/deepseek-v3p1': [0.56, 1.68, 0.28],
    'accounts/fireworks/models/deepseek-v3p1-terminus': [0.56, 1.68, 0.28],
    'accounts/fireworks/models/deepseek-v3p2': [0.56, 1.68, 0.28],
    'accounts/fireworks/models/glm-5p1': [1.4, 4.4, 0.26],
    'accounts/fireworks/models/glm-5p1-fast': [2.8, 8.8, 0.52],
    'accounts/fireworks/models/glm-5': [1, 3.2, 0.2],
    'accounts/fireworks/models/glm-4p7': [0.6, 2.2, 0.3],
    'accounts/fireworks/models/minimax-m2p7': [0.3, 1.2, 0.06],
    'accounts/fireworks/models/minimax-m2p5': [0.3, 1.2, 0.03],
    'accounts/fireworks/models/qwen3-vl-30b-a3b-instruct': [0.15, 0.6, 0.075],
    'accounts/fireworks/models/qwen3-vl-30b-a3b-thinking': [0.15, 0.6, 0.075],
    'accounts/fireworks/models/gpt-oss-120b': [0.15, 0.6, 0.015],
    'accounts/fireworks/models/gpt-oss-20b': [0.07, 0.3, 0.035],
    'accounts/fireworks/models/llama-v3p3-70b-instruct': [0.9, 0.9],
    'accounts/fireworks/models/llama-v3p1-70b-instruct': [0.9, 0.9],
    'accounts/fireworks/models/llama-v3p1-8b-instruct': [0.2, 0.2],
    'accounts/fireworks/models/qwen2p5-72b-instruct': [0.9, 0.9],
    'accounts/fireworks/models/qwen2p5-7b-instruct': [0.2, 0.2],
    'accounts/fireworks/models/qwen3-8b': [0.2, 0.2],
    'accounts/fireworks/models/qwen3-14b': [0.2, 0.2],
    'accounts/fireworks/models/qwen3-32b': [0.9, 0.9],
    'accounts/fireworks/models/mixtral-8x7b-instruct': [0.5, 0.5],
    'accounts/fireworks/models/mixtral-8x22b-instruct': [1.2, 1.2],
  }),
};
