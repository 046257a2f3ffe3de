/** Log-probabilities of a response's tokens, uneven like a model's, with a given mean. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { TokenLogprob } from '../../core/chat/chat.ts';
import type { TokenPiece } from './limits.ts';
import { nouns } from './values/words.ts';

/** A model is less certain of numbers than of grammar. */
const weightOfNumbers = 3;
const leastWeight = 0.001;
/** The likeliest alternative gets this share of the remaining probability, and so on. */
const alternativeShare = 0.6;
const leastProbability = 1e-9;

/** The pieces with log-probabilities whose mean is that of `confidence`, and `top` alternatives each. */
export function logprobsOf(pieces: readonly TokenPiece[], confidence: number, top: number, seed: string): readonly TokenPiece[] {
  const weights = pieces.map((piece, i) => (piece.type === 'call' ? 0 : weightOf(piece.text, seededUniform(seed, `weight ${i}`))));
  const weightedCount = weights.filter(weight => weight > 0).length;
  const scale = (Math.log(confidence) * weightedCount) / weights.reduce((sum, weight) => sum + weight, 0);
  return pieces.map((piece, i) => {
    if (piece.type === 'call') return piece;
    const logprob = rounded(weights[i]! * scale);
    return { ...piece, logprob: { token: piece.text, logprob, top: alternatives(piece.text, logprob, top, seed, i) } };
  });
}

const weightOf = (token: string, share: number): number => (leastWeight - Math.log(1 - share)) * (/\d/.test(token) ? weightOfNumbers : 1);

/** The token itself is included at its rank. */
function alternatives(token: string, logprob: number, top: number, seed: string, at: number): TokenLogprob['top'] {
  if (top === 0) return [];
  let left = Math.max(leastProbability, 1 - Math.exp(logprob));
  const others = Array.from({ length: top - 1 }, (_, i) => {
    const probability = left * alternativeShare;
    left -= probability;
    return { token: otherThan(token, i, seed, at), logprob: rounded(Math.log(probability)) };
  });
  return [{ token, logprob }, ...others].sort((a, b) => b.logprob - a.logprob);
}

function otherThan(token: string, i: number, seed: string, at: number): string {
  const [, space = '', number] = /^(\s?)(\d+)?/.exec(token) ?? [];
  const start = Math.floor(seededUniform(seed, `alternative ${at}`) * nouns.length);
  if (number !== undefined) return `${space}${Number(number) + i + 1 + start}`;
  const words = nouns.filter(noun => noun !== token.slice(space.length));
  const word = words[(start + i) % words.length]!;
  return `${space}${word}${i < words.length ? '' : 's'}`;
}

const rounded = (logprob: number): number => Math.min(0, Math.round(logprob * 1e6) / 1e6);
