/** Prices of Z.ai. Source: models.dev (MIT), July 2026, and docs.z.ai/guides/overview/pricing, November 2026. */
import type { PriceEntries } from '../../settings/settings.ts';
import { plainRows } from './rows.ts';

export const zai: PriceEntries = {
  ...plainRows('zai', {
    'glm-4.5-air': [0.2, 1.1, 0.03],
    'glm-4.5-flash': [0, 0, 0],
    'glm-4.5': [0.6, 2.2, 0.11],
    'glm-4.5v': [0.6, 1.8],
    'glm-4.6': [0.6, 2.2, 0.11],
    'glm-4.6v': [0.3, 0.9],
    'glm-4.7-flash': [0, 0, 0],
    'glm-4.7-flashx': [0.07, 0.4, 0.01],
    'glm-4.7': [0.6, 2.2, 0.11],
    'glm-5-turbo': [1.2, 4, 0.24],
    'glm-5.1': [1.4, 4.4, 0.26],
    'glm-5.2': [1.4, 4.4, 0.26],
    'glm-5': [1, 3.2, 0.2],
    'glm-5v-turbo': [1.2, 4, 0.24],
    'glm-4.5-x': [2.2, 8.9, 0.45],
    'glm-4.5-airx': [1.1, 4.5, 0.22],
    'glm-4-32b-0414-128k': [0.1, 0.1],
    'glm-5.3': [1.4, 4.4, 0.26],
  }),
};
