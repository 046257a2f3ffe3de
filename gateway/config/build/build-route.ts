/** From what was written of routing to what the router is given: defaults spread over steps, amounts in nano-dollars. */
import type { ModelFacts, TargetRequirements } from '../../core/money/catalogue.ts';
import type { RolloutPolicy } from '../../core/routing/rollout.ts';
import type { ShadowPlan, Variant } from '../../core/routing/variants.ts';
import type { Scorer } from '../../core/signals/scorer.ts';
import type { AcceptRule } from '../../core/signals/signal.ts';
import type { RateLimitPolicy } from '../../core/targets/rate-limits.ts';
import {
  type AccountLimits,
  type ConfiguredStep,
  type Route,
  type RoutingSettings,
  routeDefaults,
  stepDefaults,
} from '../../settings/settings.ts';
import { type AcceptConfig, acceptSignals, type RouteConfig } from '../schema/route-schema.ts';
import type { Config } from '../schema/schema.ts';

type RouteEntry = Exclude<RouteConfig, string | readonly string[]>;

export function routeOf(name: string, entry: RouteConfig): Route {
  if (typeof entry === 'string' || Array.isArray(entry)) {
    const targets = typeof entry === 'string' ? [entry] : entry;
    return { name, ...routeDefaults, steps: targets.map(target => ({ target, ...stepDefaults })) };
  }
  const written = entry as RouteEntry;
  return defined({
    name,
    deadlineMs: written.deadline,
    onUnsupported: written.on_unsupported,
    steps: written.steps.map(step => stepOf(written, step)),
    strategy: written.strategy === 'order' ? undefined : written.strategy,
    require: written.require && requirementOf(written.require),
    maxPriceNanoUsd: nano(written.max_price),
    slowAfterMs: written.slow_after,
    queueForMs: written.queue_for || undefined,
    onBreak: onBreakOf(written.on_break),
    variants: written.variants?.map(variantOf),
    flag: written.flag,
    copies: shadowTrafficOf(written),
  }) as Route;
}

/** `hold` by itself holds back forty tokens: two or three lines. */
function onBreakOf(written: RouteEntry['on_break']): Route['onBreak'] {
  if (written === undefined || written === 'error') return undefined;
  if (written === 'hold') return { type: 'hold', tokens: 40 };
  if (typeof written === 'string') return { type: written };
  const { tokens, ms } = written.hold;
  if (tokens === undefined && ms === undefined) return { type: 'hold', tokens: 40 };
  return defined({ type: 'hold', tokens, ms }) as Route['onBreak'];
}

function stepOf(route: RouteEntry, step: RouteEntry['steps'][number]): ConfiguredStep {
  return defined({
    target: step.target,
    timeoutMs: step.timeout ?? route.timeout ?? stepDefaults.timeoutMs,
    retries: step.retries ?? route.retries ?? stepDefaults.retries,
    backoffMs: step.backoff ?? route.backoff ?? stepDefaults.backoffMs,
    accept: step.accept && acceptOf(step.accept),
    hedgeAfter: step.hedge_after,
    weight: step.weight,
    samples: step.samples,
    judge: step.judge,
    scorer: step.scorer as Scorer | undefined,
  }) as ConfiguredStep;
}

/** The schema lets exactly one key through. */
function acceptOf(written: AcceptConfig): AcceptRule {
  if (written.all) return { all: written.all.map(acceptOf) };
  if (written.any) return { any: written.any.map(acceptOf) };
  const signal = acceptSignals.find(name => written[name] !== undefined)!;
  return { signal, atLeast: written[signal]! };
}

function requirementOf(written: NonNullable<RouteEntry['require']>): TargetRequirements {
  return defined({
    contextWindow: written.context_window,
    tools: written.tools,
    vision: written.vision,
    jsonSchema: written.json_schema,
    regions: written.region,
    inputPriceMax: nano(written.input_price),
    outputPriceMax: nano(written.output_price),
  });
}

function variantOf({ route, share, tenants, keys, rollout }: NonNullable<RouteEntry['variants']>[number]): Variant {
  return defined({ route, share: share ?? (tenants || keys ? 1 : 0), tenants, keys, rollout: rollout && rolloutOf(rollout) }) as Variant;
}

function rolloutOf(written: NonNullable<NonNullable<RouteEntry['variants']>[number]['rollout']>): RolloutPolicy {
  return defined({
    stages: written.stages,
    everyMs: written.every,
    requestsMin: written.requests,
    errorRateMax: written.max_error_rate,
    p95MsMax: written.max_p95,
    costRatioMax: written.max_cost_ratio,
  });
}

function shadowTrafficOf({ shadow = [], audit_probability: auditProbability = 0 }: RouteEntry): ShadowPlan | undefined {
  if (shadow.length === 0 && auditProbability === 0) return undefined;
  return { shadow: shadow.map(({ route, share = 1 }) => ({ route, share })), auditProbability };
}

export function factsOf(written: Config['models'][string]): ModelFacts {
  return defined({
    contextWindow: written.context_window,
    tools: written.tools,
    vision: written.vision,
    jsonSchema: written.json_schema,
    region: written.region,
  });
}

export function limitsOf(written: NonNullable<Config['providers'][string]['limits']>): AccountLimits {
  const policy = ({ rpm, tpm }: { rpm?: number | undefined; tpm?: number | undefined }): RateLimitPolicy =>
    defined({ requestsPerMinute: rpm, tokensPerMinute: tpm });
  return {
    account: policy(written),
    models: new Map(Object.entries(written.models ?? {}).map(([model, limits]) => [model, policy(limits)])),
  };
}

export function routingOf({ queue, retry_budget: retry, hedging }: Config['routing']): RoutingSettings {
  return {
    queue: { countMax: queue.requests, bytesMax: queue.bytes },
    retryBudget: defined({
      retryShare: retry.share,
      retriesPerSecond: retry.per_second,
      hedgeShare: hedging.share,
      hedgeNanoUsdPerHour: nano(hedging.usd_per_hour),
    }),
  };
}

const nano = (usd: number | undefined): number | undefined => (usd === undefined ? undefined : Math.round(usd * 1e9));

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the members that are undefined. */
const defined = <T extends object>(object: T): Defined<T> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
