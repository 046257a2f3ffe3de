/** The statistics behind every number that eval and replay print: one door to the estimators, each with its source in its own file. */
export * from '../statistics/betting.ts';
export * from '../statistics/bootstrap.ts';
export * from '../statistics/calibration.ts';
export * from '../statistics/calibrator.ts';
export * from '../statistics/cluster.ts';
export * from '../statistics/estimate.ts';
export * from '../statistics/logistic.ts';
export * from '../statistics/multiplicity.ts';
export * from '../statistics/ppi.ts';
export * from '../statistics/proportion.ts';
export * from '../statistics/quantile.ts';
export * from '../statistics/random.ts';
export * from '../statistics/sequence.ts';
export * from '../statistics/special.ts';
export * from '../statistics/weighted.ts';
