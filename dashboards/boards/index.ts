/** All dashboards. Only `replay` includes replayed traffic. */
import type { Board } from '../board.ts';
import { cache } from './cache.ts';
import { cost } from './cost.ts';
import { home } from './home.ts';
import { latency } from './latency.ts';
import { providers } from './providers.ts';
import { quality } from './quality.ts';
import { recorder } from './recorder.ts';
import { replay } from './replay.ts';
import { routing } from './routing.ts';
import { spend } from './spend.ts';
import { tenants } from './tenants.ts';

export const boards: readonly Board[] = [home, spend, cost, latency, providers, quality, routing, cache, replay, tenants, recorder];
