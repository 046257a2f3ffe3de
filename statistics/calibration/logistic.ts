/** Logistic regression on few features: Newton's method, outcomes anywhere in [0, 1]. */
import type { Numbers } from '../estimation/clustered.ts';

/** The logistic function, from 0 to 1. */
export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Keeps the weights finite where the features separate the outcomes perfectly. */
const ridge = 1e-6;
const stepsMax = 100;

/**
 * The features' weights, the constant last: maximum likelihood by iteratively reweighted least squares (McCullagh and Nelder, 1989, 4.4).
 */
export function fitLogistic(features: readonly Numbers[], outcomes: Numbers): number[] {
  const width = features.length + 1;
  let weights = new Array<number>(width).fill(0);
  let likelihood = penalised(features, outcomes, weights);
  for (let step = 0; step < stepsMax; step++) {
    const move = newtonMove(features, outcomes, weights);
    let [size, next, reached] = [1, weights, likelihood];
    // A full step may overshoot the maximum where the outcomes are almost separable, so it is halved until the likelihood rises.
    for (; size > 1e-8; size /= 2) {
      next = weights.map((w, j) => w + size * move[j]!);
      reached = penalised(features, outcomes, next);
      if (reached >= likelihood) break;
    }
    if (!(reached > likelihood + 1e-12 * outcomes.length)) break;
    [weights, likelihood] = [next, reached];
  }
  return weights;
}

const scoreOf = (features: readonly Numbers[], weights: readonly number[], i: number): number =>
  features.reduce((sum, feature, j) => sum + weights[j]! * feature[i]!, weights.at(-1)!);

function penalised(features: readonly Numbers[], outcomes: Numbers, weights: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < outcomes.length; i++) {
    const score = scoreOf(features, weights, i);
    // y·s - ln(1 + e^s), in a form that does not overflow for any s.
    total += outcomes[i]! * score - Math.max(0, score) - Math.log1p(Math.exp(-Math.abs(score)));
  }
  return total - (ridge / 2) * weights.reduce((sum, w) => sum + w * w, 0);
}

function newtonMove(features: readonly Numbers[], outcomes: Numbers, weights: readonly number[]): number[] {
  const width = weights.length;
  const gradient = weights.map(w => -ridge * w);
  const hessian = weights.map((_, j) => weights.map((_, k) => (j === k ? ridge : 0)));
  const at = (j: number, i: number): number => (j === width - 1 ? 1 : features[j]![i]!);
  for (let i = 0; i < outcomes.length; i++) {
    const p = logistic(scoreOf(features, weights, i));
    for (let j = 0; j < width; j++) {
      gradient[j]! += (outcomes[i]! - p) * at(j, i);
      for (let k = 0; k < width; k++) hessian[j]![k]! += p * (1 - p) * at(j, i) * at(k, i);
    }
  }
  return solve(hessian, gradient);
}

/** Gaussian elimination with pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let column = 0; column < n; column++) {
    const pivot = rows.reduce((best, row, i) => (i > column && Math.abs(row[column]!) > Math.abs(rows[best]![column]!) ? i : best), column);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let i = column + 1; i < n; i++) {
      const factor = rows[i]![column]! / rows[column]![column]!;
      for (let k = column; k <= n; k++) rows[i]![k]! -= factor * rows[column]![k]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i]![n]!;
    for (let k = i + 1; k < n; k++) rest -= rows[i]![k]! * solution[k]!;
    solution[i] = rest / rows[i]![i]!;
  }
  return solution;
}
