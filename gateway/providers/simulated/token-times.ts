/** Arrival times of tokens: after a first wait, at an uneven, seeded pace. */
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { Milliseconds } from '../../core/shared/time.ts';
import type { Directives } from './directives.ts';
import { type ModelProfile, normal } from './model-profile.ts';

/** Standard deviation of the logarithm of the time to first token. */
const ttftLogDeviation = 0.35;
const promptTokensPerMs = 50;

/** Milliseconds, as integers, after the request at which each of `tokens` tokens arrives. Requested times are exact. */
export function tokenTimes(
  traits: ModelProfile,
  directives: Directives,
  inputTokens: number,
  tokens: number,
  seed: string,
): readonly Milliseconds[] {
  const wait = directives.ttft ?? firstTokenMs(traits, inputTokens, seed);
  const gapMs = 1_000 / (directives.tps ?? traits.tokensPerSecond);
  let at = wait;
  return Array.from({ length: tokens }, (_, i) => {
    if (i > 0) at += directives.tps === undefined ? gapMs * (0.5 + seededUniform(seed, `gap ${i}`)) : gapMs;
    return Math.round(at);
  });
}

/** Milliseconds until the first token, by model, prompt length and seed. */
export const firstTokenMs = (traits: ModelProfile, inputTokens: number, seed: string): Milliseconds =>
  traits.firstTokenMs * Math.exp(ttftLogDeviation * normal(seed, 'wait')) + inputTokens / promptTokensPerMs;
