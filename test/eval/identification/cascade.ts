/** A live cascade whose whole truth is known: what its log would hold, and what every policy would really have done. */
import type { Item, Outcome } from '../../../eval/outcomes/outcomes.ts';
import { randomGenerator } from '../../../statistics/index.ts';

export interface CascadeOptions {
  readonly requests: number;
  readonly seed: number;
  /** The deployed threshold: the strong target is called below it. */
  readonly deployed?: number;
  /** `audit_probability` of the route; 0 leaves out every strong response that the cascade did not need. */
  readonly audit?: number;
  /** How surely an answer is right, by its confidence. */
  readonly right?: (confidence: number) => number;
}

export interface Cascade {
  /** As the gateway recorded it. */
  readonly log: readonly Item[];
  /** With both answers to every request. */
  readonly truth: readonly Item[];
}

const weak = (quality: number, confidence: number): Outcome => ({
  quality,
  signals: { scorer: confidence },
  costNanoUsd: 1_000_000,
  latencyMs: 100,
});
const strong: Outcome = { quality: 1, signals: {}, costNanoUsd: 10_000_000, latencyMs: 400 };

/** Confidence is even in [0, 1] with three decimals; the strong answer is always right and costs ten times as much. */
export function liveCascade(options: CascadeOptions): Cascade {
  const { requests, seed, deployed = 0.7, audit = 0, right = confidence => 0.55 + 0.4 * confidence } = options;
  const draw = randomGenerator(seed);
  const truth = Array.from({ length: requests }, (_, i): Item => {
    const confidence = Math.round(draw() * 1000) / 1000;
    const id = `r${String(i).padStart(6, '0')}`;
    return {
      id,
      cluster: id,
      outcomes: new Map([
        ['small', weak(draw() < right(confidence) ? 1 : 0, confidence)],
        ['large', strong],
      ]),
    };
  });
  const log = truth.map((item): Item => {
    const small = item.outcomes.get('small')!;
    if (small.signals.scorer! < deployed) return item;
    const isDrawn = draw() < audit;
    return {
      ...item,
      outcomes: isDrawn
        ? new Map([
            ['small', small],
            ['large', { ...strong, drawn: true }],
          ])
        : new Map([['small', small]]),
      ...(audit > 0 ? { chance: audit } : {}),
      ...(isDrawn ? { weight: 1 / audit } : {}),
    };
  });
  return { log, truth };
}

/** The share of requests that a threshold makes worse than always using the strong target. */
export const trueHarm = (truth: readonly Item[], threshold: number): number =>
  truth.filter(({ outcomes }) => outcomes.get('small')!.signals.scorer! >= threshold && outcomes.get('small')!.quality === 0).length /
  truth.length;

/** Mean cost in nano-dollars of a request. */
export const trueCost = (truth: readonly Item[], threshold: number): number =>
  truth.reduce((total, { outcomes }) => total + 1_000_000 + (outcomes.get('small')!.signals.scorer! >= threshold ? 0 : 10_000_000), 0) /
  truth.length;

/** 3 % of the conversations are twenty requests long and hard, the others one to three requests and easy. */
export function unequalConversations(conversations: number, seed: number, harm: { readonly easy: number; readonly hard: number }): Item[] {
  const draw = randomGenerator(seed);
  const items: Item[] = [];
  for (let c = 0; c < conversations; c++) {
    const isLong = draw() < 0.03;
    const size = isLong ? 20 : 1 + Math.floor(draw() * 3);
    for (let k = 0; k < size; k++) {
      items.push({
        id: `c${String(c).padStart(5, '0')}-${String(k).padStart(2, '0')}`,
        cluster: `c${c}`,
        outcomes: new Map([
          ['small', weak(draw() < (isLong ? harm.hard : harm.easy) ? 0 : 1, 0.9)],
          ['large', strong],
        ]),
      });
    }
  }
  return items;
}
