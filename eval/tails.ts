/** What hedging, queueing and spilling over do to recorded traffic: real arrivals against targets with recorded latencies and refusals. */
import type { RoutePlan } from '../gateway/core/plan.ts';
import { coin } from '../gateway/core/random.ts';
import type { Instant, Milliseconds } from '../gateway/core/time.ts';
import { providers } from '../gateway/providers/index.ts';
import { type Account, type RoutingSettings, routingDefaults } from '../gateway/settings/settings.ts';
import { type Arrival, type Behaviour, crowd, planned, type Told } from './crowd.ts';

/** One recorded call that was answered. */
export interface Sample {
  readonly firstTokenMs: Milliseconds;
  readonly totalMs: Milliseconds;
}

export interface Asked {
  readonly atMs: Instant;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Place {
  readonly samples: readonly Sample[];
  /** It answers 429 to what comes faster, and says when to come back. */
  readonly requestsPerMinute?: number;
}

export interface Summary {
  readonly requests: number;
  readonly answered: number;
  readonly calls: number;
  readonly refused: number;
  readonly hedges: number;
  /** Of calls, in token prices of 1 for a token asked and 4 for one answered. */
  readonly cost: number;
  /** Quantiles of the time to the first content of what was answered, from the arrival on. */
  readonly firstTokenMs: (q: number) => Milliseconds;
}

/** How it is asked: as a route that waits for nothing and hedges nothing, or as one that does. */
export interface Manner {
  readonly plan: RoutePlan;
  readonly routing?: RoutingSettings;
}

const outputPrice = 4;

export function run(
  asked: readonly Asked[],
  places: ReadonlyMap<string, Place>,
  accounts: ReadonlyMap<string, Account>,
  manner: Manner,
): Summary {
  const limits = new Map([...places].map(([target, place]) => [target, new Gauge(place.requestsPerMinute)]));
  let [calls, refused, hedges] = [0, 0, 0];
  const arrivals = asked.map((one, i): Arrival => {
    const id = `request ${i}`;
    const tokens = one.inputTokens + one.outputTokens;
    return { id, at: one.atMs, tenant: `tenant ${i % 5}`, tokens, policy: fleet => planned(manner.plan, id, fleet, one.atMs) };
  });
  const costs = new Map(arrivals.map(({ id }, i) => [id, asked[i]!.inputTokens + outputPrice * asked[i]!.outputTokens]));
  const behave = (
    { target, attempt, kind }: { target: string; attempt: number; kind: string },
    { id }: Arrival,
    at: Instant,
  ): Behaviour => {
    calls++;
    if (kind === 'hedge') hedges++;
    const retryAfterMs = limits.get(target)!.refuse(at);
    if (retryAfterMs !== undefined) {
      refused++;
      return {
        openAfterMs: 50,
        endAfterMs: 50,
        result: { failure: { kind: 'rate-limited', message: '', retryAfterMs, status: 429 } },
        cost: 0,
      };
    }
    const { samples } = places.get(target)!;
    const { firstTokenMs, totalMs } = samples[Math.floor(coin(id, `sample ${attempt}`) * samples.length)]!;
    return { openAfterMs: firstTokenMs, endAfterMs: Math.max(firstTokenMs + 1, totalMs), result: { signals: {} }, cost: costs.get(id)! };
  };
  const { told } = crowd(arrivals, { accounts, routing: manner.routing ?? routingDefaults, behave });
  return summary(told, { calls, refused, hedges });
}

function summary(told: readonly Told[], counts: Pick<Summary, 'calls' | 'refused' | 'hedges'>): Summary {
  const answered = told.filter(({ outcome }) => outcome.type === 'answered');
  const waits = answered.map(({ firstTokenAt, arrival }) => firstTokenAt! - arrival.at).sort((a, b) => a - b);
  return {
    requests: told.length,
    answered: answered.length,
    ...counts,
    cost: told.reduce((sum, { cost }) => sum + cost, 0),
    firstTokenMs: q => waits[Math.min(waits.length - 1, Math.floor(q * waits.length))] ?? Number.NaN,
  };
}

/** A provider's own limit: a bucket of ten seconds' worth. */
class Gauge {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #at: Instant = 0;

  constructor(requestsPerMinute: number | undefined) {
    this.#perMs = (requestsPerMinute ?? Number.POSITIVE_INFINITY) / 60_000;
    this.#burst = Math.max(1, this.#perMs * 10_000);
    this.#level = this.#burst;
  }

  /** How long to wait; undefined when the call is taken. */
  refuse(at: Instant): Milliseconds | undefined {
    if (this.#perMs === Number.POSITIVE_INFINITY) return undefined;
    this.#level = Math.min(this.#burst, this.#level + (at - this.#at) * this.#perMs);
    this.#at = at;
    if (this.#level >= 1) {
      this.#level--;
      return undefined;
    }
    return Math.ceil((1 - this.#level) / this.#perMs);
  }
}

/** A route of these targets: tries, waits and hedges as said. */
export function route(
  targets: readonly string[],
  more: Partial<RoutePlan['steps'][number]> = {},
  plan: Partial<RoutePlan> = {},
): RoutePlan {
  const step = { timeoutMs: 150_000, retries: 0, backoffMs: 200 };
  return { name: 'simulated', deadlineMs: 300_000, steps: targets.map(target => ({ target, ...step, ...more })), ...plan };
}

/** Without waiting for limits and without hedges. */
export const bare: RoutingSettings = {
  queue: { countMax: 0, bytesMax: 0 },
  allowance: { retryShare: 0, retriesPerSecond: 0, hedgeShare: 0 },
};

/** As configured: enough room to wait, and retries for everybody. */
export const patient: RoutingSettings = {
  ...routingDefaults,
  queue: { countMax: 100_000, bytesMax: 2 ** 40 },
};

/** An account for each target, with the rate that is known of it; where none is, it is learned from refusals. */
export const accountsOf = (places: ReadonlyMap<string, Place>, requestsPerMinute?: number): ReadonlyMap<string, Account> =>
  new Map(
    [...places.keys()].map(target => {
      const name = target.slice(0, target.indexOf('/'));
      const limits = requestsPerMinute === undefined ? {} : { limits: { account: { requestsPerMinute }, models: new Map() } };
      return [name, { name, provider: providers.openai!, baseUrl: '', keys: [], allowPrivate: false, trace: false, ...limits }];
    }),
  );
