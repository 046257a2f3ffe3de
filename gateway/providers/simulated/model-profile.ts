/** The profile of a simulated model: its speed, its accuracy, and how well its confidence is calibrated. */
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';

export interface ModelProfile {
  /** Skill in standard deviations above the median question: at 0 it is right half of the time. */
  readonly skill: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

const small: ModelProfile = { skill: 0.77, firstTokenMs: 180, tokensPerSecond: 160 };
const large: ModelProfile = { skill: 1.65, firstTokenMs: 420, tokensPerSecond: 70 };

/** The profile of a simulated model: `small`, `large`, or one derived from the name. */
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

/** The share of difficulty that belongs to the question and is common to all models. */
const sharedDifficultyShare = 0.6;
/** Noise of a model's confidence about its mastery, in standard deviations. */
const confidenceNoise = 1;
/** Confidence is a logistic function of mastery with this slope. */
const slope = 1;
const offset = 0.8;
const confidenceMax = 0.999;
const confidenceMin = 0.02;

/** `question` seeds what all models share, `answer` what is specific to this response. */
export function drawCorrectness({ skill }: ModelProfile, question: string, answer: string): Correctness {
  const mastery =
    skill - sharedDifficultyShare * normal(question, 'difficulty') - Math.sqrt(1 - sharedDifficultyShare ** 2) * normal(answer, 'luck');
  return { isCorrect: mastery > 0, confidence: confidenceFrom(mastery, answer) };
}

/** The confidence of a response with forced correctness, as if it had come about by chance. */
export function forceCorrectness(right: boolean, { skill }: ModelProfile, answer: string): Correctness {
  const mastery = Math.abs(skill / 2 + normal(answer, 'luck')) * (right ? 1 : -0.5);
  return { isCorrect: right, confidence: confidenceFrom(mastery, answer) };
}

function confidenceFrom(mastery: number, answer: string): number {
  const noisyMastery = mastery + confidenceNoise * normal(answer, 'blur');
  return Math.min(confidenceMax, Math.max(confidenceMin, 1 / (1 + Math.exp(-(slope * noisyMastery + offset)))));
}

/** A standard normal sample. */
export function normal(seed: string, label: string): number {
  const distance = Math.sqrt(-2 * Math.log(1 - seededUniform(seed, `${label} distance`)));
  return distance * Math.cos(2 * Math.PI * seededUniform(seed, `${label} angle`));
}
