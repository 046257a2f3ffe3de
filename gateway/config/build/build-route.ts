/** Builds routes from their entries: defaults applied to each step, amounts in nano-dollars. */
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

/** The route of a checked entry: a target, a list of targets, or a map with steps. */
export function routeOf(name: string, entry: RouteConfig): Route {
  if (typeof entry === 'string' || Array.isArray(entry)) {
    const targets = typeof entry === 'string' ? [entry] : entry;
    return { name, ...routeDefaults, steps: targets.map(target => ({ target, ...stepDefaults })) };
  }
  const route = entry as RouteEntry;
  return defined({
    name,
    deadlineMs: route.deadline,
    onUnsupported: route.on_unsupported,
    steps: route.steps.map(step => stepOf(route, step)),
    strategy: route.strategy === 'order' ? undefined : route.strategy,
    require: route.require && requirementOf(route.require),
    maxPriceNanoUsd: nano(route.max_price),
    slowAfterMs: route.slow_after,
    queueForMs: route.queue_for || undefined,
    onBreak: onBreakOf(route.on_break),
    variants: route.variants?.map(variantOf),
    flag: route.flag,
    copies: shadowTrafficOf(route),
  }) as Route;
}

/** `hold` alone buffers forty tokens: two or three lines. */
function onBreakOf(entry: RouteEntry['on_break']): Route['onBreak'] {
  if (entry === undefined || entry === 'error') return undefined;
  if (entry === 'hold') return { type: 'hold', tokens: 40 };
  if (typeof entry === 'string') return { type: entry };
  const { tokens, ms } = entry.hold;
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
function acceptOf(entry: AcceptConfig): AcceptRule {
  if (entry.all) return { all: entry.all.map(acceptOf) };
  if (entry.any) return { any: entry.any.map(acceptOf) };
  const signal = acceptSignals.find(name => entry[name] !== undefined)!;
  return { signal, atLeast: entry[signal]! };
}

function requirementOf(entry: NonNullable<RouteEntry['require']>): TargetRequirements {
  return defined({
    contextWindow: entry.context_window,
    tools: entry.tools,
    vision: entry.vision,
    jsonSchema: entry.json_schema,
    regions: entry.region,
    inputPriceMax: nano(entry.input_price),
    outputPriceMax: nano(entry.output_price),
  });
}

function variantOf({ route, share, tenants, keys, rollout }: NonNullable<RouteEntry['variants']>[number]): Variant {
  return defined({ route, share: share ?? (tenants || keys ? 1 : 0), tenants, keys, rollout: rollout && rolloutOf(rollout) }) as Variant;
}

function rolloutOf(entry: NonNullable<NonNullable<RouteEntry['variants']>[number]['rollout']>): RolloutPolicy {
  return defined({
    stages: entry.stages,
    everyMs: entry.every,
    requestsMin: entry.requests,
    errorRateMax: entry.max_error_rate,
    p95MsMax: entry.max_p95,
    costRatioMax: entry.max_cost_ratio,
  });
}

function shadowTrafficOf({ shadow = [], audit_probability: auditProbability = 0 }: RouteEntry): ShadowPlan | undefined {
  if (shadow.length === 0 && auditProbability === 0) return undefined;
  return { shadow: shadow.map(({ route, share = 1 }) => ({ route, share })), auditProbability };
}

/** The features of a model entry; unset ones are absent. */
export function factsOf(entry: Config['models'][string]): ModelFacts {
  return defined({
    contextWindow: entry.context_window,
    tools: entry.tools,
    vision: entry.vision,
    jsonSchema: entry.json_schema,
    region: entry.region,
  });
}

/** The rate limits of a provider entry, per minute. */
export function limitsOf(entry: NonNullable<Config['providers'][string]['limits']>): AccountLimits {
  const policy = ({ rpm, tpm }: { rpm?: number | undefined; tpm?: number | undefined }): RateLimitPolicy =>
    defined({ requestsPerMinute: rpm, tokensPerMinute: tpm });
  return {
    account: policy(entry),
    models: new Map(Object.entries(entry.models ?? {}).map(([model, limits]) => [model, policy(limits)])),
  };
}

/** The settings for all routes: queue, retry budget and hedging. */
export function routingOf({ queue, retry_budget: retry, hedging, content_urls: urls }: Config['routing']): RoutingSettings {
  return {
    queue: { countMax: queue.requests, bytesMax: queue.bytes },
    ...(urls.allow.length > 0 ? { contentUrlsAllowed: urls.allow } : {}),
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
