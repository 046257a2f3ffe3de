/** The estimators and tests that eval and replay use. Each function names its source in its own file. */

export * from './betting/alarm.ts';
export * from './betting/bounded-mean.ts';
export * from './betting/covariate-shift.ts';
export * from './betting/harm-beyond-noise.ts';
export * from './betting/known-chances.ts';
export * from './betting/loss-test.ts';
export * from './betting/missing.ts';
export * from './betting/mixture.ts';
export * from './betting/payoffs.ts';
export * from './calibration/calibration-error.ts';
export * from './calibration/calibrator.ts';
export * from './calibration/logistic.ts';
export * from './distributions/distributions.ts';
export * from './distributions/random.ts';
export * from './distributions/seeded-uniform.ts';
export * from './estimation/bootstrap.ts';
export * from './estimation/clustered.ts';
export * from './estimation/estimate.ts';
export * from './estimation/prediction-powered.ts';
export * from './estimation/proportion.ts';
export * from './estimation/quantile.ts';
export * from './estimation/weighted.ts';
export * from './testing/betting.ts';
export * from './testing/confidence-sequence.ts';
export * from './testing/multiple-testing.ts';
