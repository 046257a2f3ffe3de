/** What a simulated model is like: how quick it is, how often it is right, and how well its confidence knows it. */
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';

export interface ModelProfile {
  /** Standard deviations by which it masters the middling question: 0 is right half of the time. */
  readonly skill: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

const small: ModelProfile = { skill: 0.77, firstTokenMs: 180, tokensPerSecond: 160 };
const large: ModelProfile = { skill: 1.65, firstTokenMs: 420, tokensPerSecond: 70 };

export function modelProfileOf(name: string): ModelProfile {
  if (name === 'small') return small;
  if (name === 'large') return large;
  const share = 0.25 + seededUniform(name, 'traits') / 2;
  const between = (trait: keyof ModelProfile): number => small[trait] + share * (large[trait] - small[trait]);
  return { skill: between('skill'), firstTokenMs: between('firstTokenMs'), tokensPerSecond: between('tokensPerSecond') };
}

export interface Correctness {
  readonly isCorrect: boolean;
  /** The geometric mean of the tokens' probabilities. */
  readonly confidence: number;
}

/** What is hard for one model is hard for the next: so much of a model's luck is the question's. */
const sharedDifficultyShare = 0.6;
/** What a model's confidence sees of its mastery is blurred by so much, in standard deviations. */
const confidenceNoise = 1;
/** Confidence against mastery is a logistic curve. */
const slope = 1;
const offset = 0.8;
const confidenceMax = 0.999;
const confidenceMin = 0.02;

/** `question` seeds what all models share, `answer` what this answer alone has. */
export function drawCorrectness({ skill }: ModelProfile, question: string, answer: string): Correctness {
  const mastery =
    skill - sharedDifficultyShare * normal(question, 'difficulty') - Math.sqrt(1 - sharedDifficultyShare ** 2) * normal(answer, 'luck');
  return { isCorrect: mastery > 0, confidence: confidenceFrom(mastery, answer) };
}

/** An answer whose rightness was ordered has the confidence of one that came to it by itself. */
export function forceCorrectness(right: boolean, { skill }: ModelProfile, answer: string): Correctness {
  const mastery = Math.abs(skill / 2 + normal(answer, 'luck')) * (right ? 1 : -0.5);
  return { isCorrect: right, confidence: confidenceFrom(mastery, answer) };
}

function confidenceFrom(mastery: number, answer: string): number {
  const noisyMastery = mastery + confidenceNoise * normal(answer, 'blur');
  return Math.min(confidenceMax, Math.max(confidenceMin, 1 / (1 + Math.exp(-(slope * noisyMastery + offset)))));
}

/** Normally distributed around 0 with a deviation of 1. */
export function normal(seed: string, label: string): number {
  const distance = Math.sqrt(-2 * Math.log(1 - seededUniform(seed, `${label} distance`)));
  return distance * Math.cos(2 * Math.PI * seededUniform(seed, `${label} angle`));
}
