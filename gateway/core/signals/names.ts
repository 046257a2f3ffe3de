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
  /** 0 when the response is unusable: empty, cut, filtered, refused, or without the requested JSON or arguments. */
  'sound',
  'quantile_logprob_20',
  /** The mean over tokens of JSON values; keys and brackets are easy to predict. */
  'value_logprob',
  'brevity',
  'unhedged',
  'variety',
  /** In the script of the prompt. */
  'same_script',
] as const;

export type FeatureName = (typeof featureNames)[number];
