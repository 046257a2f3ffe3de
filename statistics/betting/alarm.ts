/** A watch over live audits: an e-process that raises a false alarm with probability at most alpha, for ever. */

export interface AlarmOptions {
  /** Stakes; each must leave a positive factor: below 1/bound for single requests, below 1/(bound · cap) for conversations. */
  readonly stakes: readonly number[];
  readonly alpha: number;
  /** Units after which the process starts anew beside those that run, so that it does not sleep; 0 for a single start. */
  readonly startsEvery: number;
}

/** Numbers only, so that it is stored as it is. */
export interface AlarmState {
  readonly units: number;
  readonly starts: number;
  readonly capitals: readonly number[];
  /** The evidence now, and the most it ever was: an alarm stands once it was at least 1/alpha. */
  readonly evidence: number;
  readonly evidenceMax: number;
}

const startWeight = (j: number): number => 1 / (1 + Math.log(j));

/** For single requests that are audited, whatever chance each was drawn with: harm - bound, one number for each audited one. */
export const requestAlarm = (bound: number, alpha: number): AlarmOptions => ({
  stakes: [0.5, 1, 2, 4, 8].filter(stake => stake * bound < 1),
  alpha,
  startsEvery: 50,
});

/**
 * For conversations of at most `cap` requests: Σ R h / ρ - bound · requests, over drawn and undrawn ones, settled in the order of their start
 * once idle or full. `chance` is the usual ρ, which only sizes the stakes.
 */
export function conversationAlarm(bound: number, alpha: number, chance: number, cap: number): AlarmOptions {
  const most = 0.999 / (bound * cap);
  const stakes = [...new Set([0.5, 1, 2, 4].map(factor => Math.min(most, factor * chance)))];
  return { stakes, alpha, startsEvery: 50 };
}

/** The alarm before any audit. */
export const alarmStart = ({ stakes, startsEvery }: AlarmOptions): AlarmState => ({
  units: 0,
  starts: startsEvery > 0 ? 0 : 1,
  capitals: stakes.map(() => (startsEvery > 0 ? 0 : 1)),
  evidence: 1,
  evidenceMax: 1,
});

/**
 * The state after one more unit with payoff X, whose mean given the past is at most 0 while the promise is kept ("never above the bound").
 * S_l ← (S_l + γ) (1 + l X), with γ = g(j) - g(j+1) at the start j and g(j) = 1 / (1 + ln j); the evidence is mean S + g(j+1), an
 * e-process, so P(ever ≥ 1/alpha) ≤ alpha (Ville 1939). Shin, Ramdas and Rinaldo, "E-detectors" (2023). With a single start it answers the
 * milder promise "not above the bound on average". Missing audits count as harm 0. No alarm is no evidence of safety.
 * @throws RangeError when a payoff would make a factor negative: the unit had more requests than the cap.
 */
export function alarmNext(options: AlarmOptions, state: AlarmState, payoff: number): AlarmState {
  const { stakes, startsEvery } = options;
  const isStart = startsEvery > 0 && state.units % startsEvery === 0;
  const starts = state.starts + (isStart ? 1 : 0);
  const gained = isStart ? startWeight(starts) - startWeight(starts + 1) : 0;
  const capitals = stakes.map((stake, l) => {
    const factor = 1 + stake * payoff;
    if (!(factor >= 0)) throw new RangeError(`the payoff ${payoff} is below -1/${stake}`);
    return Math.min(Number.MAX_VALUE / stakes.length, (state.capitals[l]! + gained) * factor);
  });
  const mean = capitals.reduce((total, capital) => total + capital / stakes.length, 0);
  const evidence = mean + (startsEvery > 0 ? startWeight(starts + 1) : 0);
  return { units: state.units + 1, starts, capitals, evidence, evidenceMax: Math.max(state.evidenceMax, evidence) };
}

/** Once raised it stays: a new certificate starts a new process. */
export const isAlarmed = ({ alpha }: AlarmOptions, { evidenceMax }: AlarmState): boolean => evidenceMax >= 1 / alpha;

/** The δ of the k-th certificate over time, k from 1, so that all of them together err with at most δ: δ / (k (k + 1)). */
export const renewalDelta = (delta: number, k: number): number => delta / (k * (k + 1));
