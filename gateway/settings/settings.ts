/** The configuration as the rest of the product sees it: parsed once, checked, complete, frozen. */

import type { Json } from '../core/chat/json.ts';
import type { Provider } from '../core/chat/provider.ts';
import type { BudgetPolicy, CallerLimits } from '../core/money/budget.ts';
import type { ModelFacts } from '../core/money/catalogue.ts';
import type { PlannedStep, RoutePlan } from '../core/routing/plan.ts';
import type { ShadowPlan, Variant } from '../core/routing/variants.ts';
import type { Milliseconds } from '../core/shared/time.ts';
import { type QueuePolicy, queueDefault } from '../core/targets/queue.ts';
import type { RateLimitPolicy } from '../core/targets/rate-limits.ts';
import { type RetryBudgetPolicy, retryBudgetDefault } from '../core/targets/retry-budget.ts';
import type { Secret } from './secret.ts';

export interface Settings {
  /** 16 hex digits over the expanded config with every secret replaced by its fingerprint; on each record and span. */
  readonly hash: string;
  /** The file it came from; undefined when providers were made from the environment. */
  readonly file: string | undefined;
  readonly server: { readonly host: string; readonly port: number; readonly workers: number };
  readonly store: {
    readonly url: 'embedded' | string;
    /** Absolute. */
    readonly path: string;
    /** Where the embedded engine listens. */
    readonly host: string;
    readonly port: number;
    /** As whom a server of `url` is spoken to; the embedded engine has accounts of its own. */
    readonly username: string;
    readonly database: string;
    readonly password: Secret | undefined;
    /** Of the server: tables are replicated and spread over it. */
    readonly cluster: string | undefined;
    /** Keep an index of the words of requests and answers. */
    readonly search: boolean;
  };
  readonly recorder: {
    readonly durability: 'process' | 'power' | 'off';
    readonly whenFull: 'refuse' | 'drop';
    readonly spoolBytesMax: number;
    /** `metadata` keeps no body and no sentence of request and answer. */
    readonly payloads: 'full' | 'metadata';
    /** What is taken out of payloads before they are kept. */
    readonly redact: readonly RedactRule[];
    /** Days. */
    readonly retention: {
      readonly records: number;
      readonly payloads: number;
      readonly scores: number;
      readonly replays: number;
      readonly audit: number;
    };
  };
  /** What callers have spent and may ask is kept in a file, or in a Redis, whose URL may hold a password. */
  readonly state: { readonly url: 'sqlite' | Secret };
  /** Base URL of an OTLP/HTTP receiver; undefined turns tracing export off. */
  readonly telemetry: { readonly otlp: string | undefined };
  /** Who answers the flags of routes. */
  readonly flags?: FlagSettings;
  readonly providers: ReadonlyMap<string, Account>;
  readonly routes: ReadonlyMap<string, Route>;
  /** By route: the absolute path of the certificate of its thresholds. */
  readonly certificates?: ReadonlyMap<string, string>;
  /** What holds for all routes; `routingDefaults` when absent. */
  readonly routing?: RoutingSettings;
  /** Every tenant that a key may name, `default` included. */
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** By the sha256 hex of the whole key. Empty means that no key is needed. */
  readonly keys: ReadonlyMap<string, CallerKey>;
  /** USD per million tokens by `provider/model`, where provider is the account's name here; over the price book. */
  readonly prices: Readonly<Record<string, PriceOverride>>;
  /** What models can do, by `provider/model`; over the catalogue. */
  readonly models?: Readonly<Record<string, ModelFacts>>;
}

/** A built-in detector by its name, or a pattern of the operator's own, in RE2's syntax. */
export interface RedactRule {
  readonly name: string;
  readonly pattern?: string;
}

/** One provider entry of the config: a wire format and where and as whom it is spoken. */
export interface Account {
  readonly name: string;
  readonly provider: Provider;
  readonly baseUrl: string;
  /** What follows the path of each call, as `api-version=…`; absent for nothing. */
  readonly query?: string;
  /** Where its models run; of a cloud, what its calls are signed for. */
  readonly region?: string;
  /** In order of preference; [] when the provider needs none. Of AWS `id:secret` or `id:secret:token`, of Google a service account's JSON or `metadata`. */
  readonly keys: readonly Secret[];
  /** Calls to loopback and private addresses are refused unless the operator says so. */
  readonly allowPrivate: boolean;
  /** Its models go on with an answer whose beginning they are given; known of some models when absent. */
  readonly prefill?: boolean;
  /** Pass `traceparent` on to it. */
  readonly trace: boolean;
  /** How fast each of its keys may be asked each model; learned from what it says when absent. */
  readonly limits?: AccountLimits;
  /** It is asked beside all callers whether it lives. */
  readonly probe?: ProbePolicy;
}

export interface ProbePolicy {
  readonly everyMs: Milliseconds;
  readonly timeoutMs: Milliseconds;
  /** After the base URL; where the wire format lists its models when absent. */
  readonly path?: string;
}

export interface AccountLimits {
  /** Of models that have none of their own. */
  readonly account: RateLimitPolicy | undefined;
  readonly models: ReadonlyMap<string, RateLimitPolicy>;
}

/** An OpenFeature provider. */
export interface FlagSettings {
  /** An absolute path, or the name of a package that is found from `directory`. */
  readonly provider: string;
  readonly directory: string;
  /** What the provider is made of, as written. */
  readonly options: Json;
  readonly timeoutMs: Milliseconds;
}

export interface RoutingSettings {
  readonly queue: QueuePolicy;
  readonly retryBudget: RetryBudgetPolicy;
}

export const routingDefaults: RoutingSettings = { queue: queueDefault, retryBudget: retryBudgetDefault };

/** A route as configured; a request makes a policy of it. */
export interface Route extends RoutePlan {
  readonly onUnsupported: 'warn' | 'drop' | 'reject';
  readonly variants?: readonly Variant[];
  /** The feature flag that names the variant, before shares do. */
  readonly flag?: string;
  readonly copies?: ShadowPlan;
}
export type ConfiguredStep = PlannedStep;

/** What may be spent and how fast may be asked; absent sets no limit. */
export interface Caps {
  readonly budget?: BudgetPolicy;
  readonly limits?: CallerLimits;
}

export interface Tenant extends Caps {
  readonly name: string;
  /** Routes and targets it may ask; undefined allows all. */
  readonly routes: readonly string[] | undefined;
  /** Days, where they are not the recorder's. */
  readonly retention?: { readonly records?: number; readonly payloads?: number };
  /** By name; `*` is each of the others. */
  readonly projects?: ReadonlyMap<string, Caps>;
  readonly users?: ReadonlyMap<string, Caps>;
}

export interface CallerKey extends Caps {
  readonly name: string;
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly role: 'caller' | 'admin';
}

export interface PriceOverride {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly cache_write?: number;
  readonly cache_write_1h?: number;
  /** By tier, as shares of these prices. */
  readonly service_tiers?: Readonly<Record<string, number>>;
}

/** What a route that says nothing gets: a minute to the first content, one further try, ten minutes in all. */
export const stepDefaults = { timeoutMs: 60_000, retries: 1, backoffMs: 200 } as const;
export const routeDefaults = { deadlineMs: 600_000, onUnsupported: 'warn' } as const;
