/** The effect of hedging, queueing and spillover on recorded traffic: real arrivals against targets with recorded latencies and refusals. */
import type { RoutePlan } from '../../gateway/core/routing/plan.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import { providers } from '../../gateway/providers/index.ts';
import { type Account, type RoutingSettings, routingDefaults } from '../../gateway/settings/settings.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { type ArrivingRequest, policyAt, type RequestResult, type SimulatedCall, simulateLoad } from './load-simulation.ts';

/** One recorded call that was answered. */
export interface LatencySample {
  readonly firstTokenMs: Milliseconds;
  readonly totalMs: Milliseconds;
}

export interface TracedRequest {
  readonly atMs: Instant;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface TargetProfile {
  readonly samples: readonly LatencySample[];
  /** It responds 429 to faster requests, with Retry-After. */
  readonly requestsPerMinute?: number;
}

export interface TailSummary {
  readonly requests: number;
  readonly answered: number;
  readonly calls: number;
  readonly refused: number;
  readonly hedges: number;
  /** Cost of calls, with prices of 1 per input token and 4 per output token. */
  readonly cost: number;
  /** Quantiles of the time to the first content of what was answered, from the arrival on. */
  readonly firstTokenMs: (q: number) => Milliseconds;
}

/** The route under test: without queue and hedging, or with them. */
export interface RouteSetup {
  readonly plan: RoutePlan;
  readonly routing?: RoutingSettings;
}

const outputPrice = 4;

/** Latencies, refusals and extra calls of the policy over the traced requests. */
export function simulateTails(
  requests: readonly TracedRequest[],
  profiles: ReadonlyMap<string, TargetProfile>,
  accounts: ReadonlyMap<string, Account>,
  setup: RouteSetup,
): TailSummary {
  const limits = new Map([...profiles].map(([target, place]) => [target, new RequestRateLimit(place.requestsPerMinute)]));
  let [calls, refused, hedges] = [0, 0, 0];
  const arrivals = requests.map((one, i): ArrivingRequest => {
    const id = `request ${i}`;
    const tokens = one.inputTokens + one.outputTokens;
    return { id, at: one.atMs, tenant: `tenant ${i % 5}`, tokens, policy: fleet => policyAt(setup.plan, id, fleet, one.atMs) };
  });
  const costs = new Map(arrivals.map(({ id }, i) => [id, requests[i]!.inputTokens + outputPrice * requests[i]!.outputTokens]));
  const call = (
    { target, attempt, kind }: { target: string; attempt: number; kind: string },
    { id }: ArrivingRequest,
    at: Instant,
  ): SimulatedCall => {
    calls++;
    if (kind === 'hedge') hedges++;
    const retryAfterMs = limits.get(target)!.retryAfterMs(at);
    if (retryAfterMs !== undefined) {
      refused++;
      return {
        openAfterMs: 50,
        endAfterMs: 50,
        result: { failure: { kind: 'rate-limited', message: '', retryAfterMs, status: 429 } },
        cost: 0,
      };
    }
    const { samples } = profiles.get(target)!;
    const { firstTokenMs, totalMs } = samples[Math.floor(seededUniform(id, `sample ${attempt}`) * samples.length)]!;
    return { openAfterMs: firstTokenMs, endAfterMs: Math.max(firstTokenMs + 1, totalMs), result: { signals: {} }, cost: costs.get(id)! };
  };
  const { results } = simulateLoad(arrivals, { accounts, routing: setup.routing ?? routingDefaults, call });
  return tailSummary(results, { calls, refused, hedges });
}

function tailSummary(results: readonly RequestResult[], counts: Pick<TailSummary, 'calls' | 'refused' | 'hedges'>): TailSummary {
  const answered = results.filter(({ outcome }) => outcome.type === 'answered');
  const timesToFirstToken = answered.map(({ firstTokenAt, arrival }) => firstTokenAt! - arrival.at).sort((a, b) => a - b);
  return {
    requests: results.length,
    answered: answered.length,
    ...counts,
    cost: results.reduce((sum, { cost }) => sum + cost, 0),
    firstTokenMs: q => timesToFirstToken[Math.min(timesToFirstToken.length - 1, Math.floor(q * timesToFirstToken.length))] ?? Number.NaN,
  };
}

/** A provider's own limit: a bucket of ten seconds' worth. */
class RequestRateLimit {
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
  retryAfterMs(at: Instant): Milliseconds | undefined {
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

/** A route over these targets with the given retries, queue and hedging. */
export function simulatedRoute(
  targets: readonly string[],
  more: Partial<RoutePlan['steps'][number]> = {},
  plan: Partial<RoutePlan> = {},
): RoutePlan {
  const step = { timeoutMs: 150_000, retries: 0, backoffMs: 200 };
  return { name: 'simulated', deadlineMs: 300_000, steps: targets.map(target => ({ target, ...step, ...more })), ...plan };
}

/** Without waiting for limits and without hedges. */
export const noQueueNoHedge: RoutingSettings = {
  queue: { countMax: 0, bytesMax: 0 },
  retryBudget: { retryShare: 0, retriesPerSecond: 0, hedgeShare: 0 },
};

/** As configured: enough room to wait, and retries for everybody. */
export const longQueue: RoutingSettings = {
  ...routingDefaults,
  queue: { countMax: 100_000, bytesMax: 2 ** 40 },
};

/** An account for each target, with the rate that is known of it; where none is, it is learned from refusals. */
export const accountsOf = (profiles: ReadonlyMap<string, TargetProfile>, requestsPerMinute?: number): ReadonlyMap<string, Account> =>
  new Map(
    [...profiles.keys()].map(target => {
      const name = target.slice(0, target.indexOf('/'));
      const limits = requestsPerMinute === undefined ? {} : { limits: { account: { requestsPerMinute }, models: new Map() } };
      return [name, { name, provider: providers.openai!, baseUrl: '', keys: [], allowPrivate: false, trace: false, ...limits }];
    }),
  );
