/** When the tokens of an answer come: after a wait, then at an uneven pace that follows from a seed. */
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { Milliseconds } from '../../core/shared/time.ts';
import type { Directives } from './directives.ts';
import { type ModelProfile, normal } from './model-profile.ts';

/** The logarithm of the wait for the first token deviates by so much. */
const ttftLogDeviation = 0.35;
const promptTokensPerMs = 50;

/** Whole milliseconds after the request at which each of `tokens` tokens comes. What is ordered is kept to exactly. */
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

export const firstTokenMs = (traits: ModelProfile, inputTokens: number, seed: string): Milliseconds =>
  traits.firstTokenMs * Math.exp(ttftLogDeviation * normal(seed, 'wait')) + inputTokens / promptTokensPerMs;
