/** All dashboards. Only `replay` includes replayed traffic. */
import type { Board } from '../board.ts';
import { cache } from './cache.ts';
import { cost } from './cost.ts';
import { latency } from './latency.ts';
import { recorder } from './recorder.ts';
import { replay } from './replay.ts';
import { routing } from './routing.ts';
import { tenants } from './tenants.ts';

export const boards: readonly Board[] = [cost, latency, routing, cache, replay, tenants, recorder];
