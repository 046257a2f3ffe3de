/**
 * Distribution functions behind the intervals and tests: normal, Student's t, beta and binomial, by series, continued fractions and
 * bisection.
 */

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
const tiny = 1e-300;
const tolerance = 1e-16;

/** ln Γ(x) for x > 0. Lanczos' approximation with g = 7 and nine terms. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x + 6.5;
  const sum = lanczos.reduce((s, term, i) => (i === 0 ? term : s + term / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The regularised incomplete beta function I_x(a, b), which is the distribution function of a beta variable. Lentz' continued fraction. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean and slowly above it.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaFraction(1 - x, b, a);
  return betaFraction(x, a, b);
}

function betaFraction(x: number, a: number, b: number): number {
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  const steps = 200 + 10 * Math.ceil(Math.sqrt(Math.max(a, b)));
  for (let m = 1; m <= steps; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < tolerance) break;
  }
  return front * fraction;
}

const away = (x: number): number => (Math.abs(x) < tiny ? tiny : x);

/** P(Z ≤ z), with full relative accuracy in the lower tail. */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return Number.NaN;
  const x = Math.abs(z) / Math.SQRT2;
  const upper = x < 2.5 ? (1 - erfSeries(x)) / 2 : erfcFraction(x) / 2;
  return z > 0 ? 1 - upper : upper;
}

/** erf x = 2x/√π · e^(-x²) · Σ (2x²)ⁿ / (1·3·5···(2n+1)): every term is positive, so nothing cancels. */
function erfSeries(x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > tolerance * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return ((2 * x) / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x = e^(-x²)/√π · 1/(x + ½/(x + 1/(x + 3/2/(x + …)))), from the inside out. */
function erfcFraction(x: number): number {
  let f = x;
  for (let k = 60; k >= 1; k--) f = x + k / 2 / f;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * f);
}

/** The quantile of the standard normal distribution, for 0 < p < 1. */
export const normalQuantile = (p: number): number => invert(p, -40, 40, normalCdf);

/** P(T ≤ t) for Student's t. Above ten million degrees of freedom the normal distribution is used. */
export function studentCdf(t: number, df: number): number {
  if (df > 1e7) return normalCdf(t);
  const tail = incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

const quantiles = new Map<string, number>();
const quantilesMax = 256;

/**
 * The quantile of Student's t; ±Infinity without a degree of freedom. Memoised, because a sweep asks for the same one in each of its cells.
 */
export function studentQuantile(p: number, df: number): number {
  if (df <= 0) return p < 0.5 ? -Infinity : Infinity;
  const key = `${p} ${df}`;
  const known = quantiles.get(key);
  if (known !== undefined) return known;
  // Computed in the lower tail, which keeps its digits, and mirrored for the upper one.
  const quantile = p > 0.5 ? -studentQuantile(1 - p, df) : invert(p, -1e7, 1e7, t => studentCdf(t, df));
  if (quantiles.size >= quantilesMax) quantiles.clear();
  quantiles.set(key, quantile);
  return quantile;
}

/** The quantile of Beta(a, b) at p. 0 for a <= 0 and 1 for b <= 0, the limits of the distribution. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (a <= 0) return 0;
  if (b <= 0) return 1;
  return invert(p, 0, 1, x => incompleteBeta(x, a, b));
}

/** P(Bin(n, p) ≤ k). n and k may be fractions, because effective sample sizes are. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(1 - p, n - k, k + 1);
}

/** The x where an increasing function reaches p, by bisection to the last digit. */
function invert(p: number, from: number, to: number, cdf: (x: number) => number): number {
  if (Number.isNaN(p)) return Number.NaN;
  if (p <= 0) return from === -40 || from === -1e7 ? -Infinity : from;
  if (p >= 1) return to === 40 || to === 1e7 ? Infinity : to;
  let [low, high] = [from, to];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (cdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
