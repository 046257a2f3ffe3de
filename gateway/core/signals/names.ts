export const signalNames = [
  'mean_logprob',
  'min_logprob',
  'quantile_logprob_10',
  'margin',
  'schema_valid',
  'verbalised',
  'agreement',
  'judge',
  'scorer',
] as const;

export type SignalName = (typeof signalNames)[number];

/** A signal that cannot be measured is absent, never 0. */
export type Signals = Readonly<Partial<Record<SignalName | FeatureName, number>>>;

export const featureNames = [
  /** 0 when the answer failed by itself: empty, cut off, filtered, refused, not the JSON or the arguments that were asked for. */
  'sound',
  'quantile_logprob_20',
  /** The mean over what stands as a value in JSON: keys and brackets are easy to guess. */
  'value_logprob',
  'brevity',
  'unhedged',
  'variety',
  /** Written as the question was. */
  'same_script',
] as const;

export type FeatureName = (typeof featureNames)[number];
