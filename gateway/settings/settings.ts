/** The settings: the configuration after parsing and checking, with all defaults. */

import type { Json } from '../core/chat/json.ts';
import type { Provider } from '../core/chat/provider.ts';
import type { BudgetPolicy, CallerLimits } from '../core/money/budget.ts';
import type { ModelFacts } from '../core/money/catalogue.ts';
import type { PlannedStep, RoutePlan } from '../core/routing/plan.ts';
import type { ShadowPlan, Variant } from '../core/routing/variants.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { type QueuePolicy, queueDefault } from '../core/targets/queue.ts';
import type { RateLimitPolicy } from '../core/targets/rate-limits.ts';
import { type RetryBudgetPolicy, retryBudgetDefault } from '../core/targets/retry-budget.ts';
import type { Secret } from './secret.ts';
import type { ServerSettings } from './server-settings.ts';

export interface Settings {
  /** 16 hex digits over the expanded config with every secret replaced by its fingerprint; on each record and span. */
  readonly hash: string;
  /** The file it came from; undefined when providers were made from the environment. */
  readonly file: string | undefined;
  readonly server: ServerSettings;
  readonly store: {
    readonly url: 'embedded' | string;
    /** Absolute. */
    readonly path: string;
    /** Where the embedded engine listens. */
    readonly host: string;
    readonly port: number;
    /** User of the server at `url`; the embedded engine has its own users. */
    readonly username: string;
    readonly database: string;
    readonly password: Secret | undefined;
    /** Cluster of the server: tables are replicated and distributed over it. */
    readonly cluster: string | undefined;
    /** Keep a full-text index of requests and responses. */
    readonly search: boolean;
  };
  readonly recorder: {
    readonly durability: 'process' | 'power' | 'off';
    readonly whenFull: 'refuse' | 'drop';
    readonly spoolBytesMax: number;
    /** `metadata` records neither bodies nor texts of request and response. */
    readonly payloads: 'full' | 'metadata';
    /** Redacted from payloads before they are written. */
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
  /** Where budgets and rate limits are counted: a file, or a Redis, whose URL may hold a password. */
  readonly state: {
    readonly url: 'sqlite' | Secret;
    /** While that Redis does not answer: `refuse` what has a budget, or count by this gateway alone. */
    readonly whenDown?: 'refuse' | 'local';
  };
  /** Base URL of an OTLP/HTTP receiver; undefined turns tracing export off. */
  readonly telemetry: {
    readonly otlp: string | undefined;
    /** Who may read /metrics: everybody, or keys of the role viewer or more; undefined is `key` as soon as there are keys. */
    readonly metrics?: 'open' | 'key' | undefined;
    /** A key for /metrics alone. */
    readonly metricsKey?: Secret | undefined;
  };
  /** The provider of the routes' feature flags. */
  readonly flags?: FlagSettings;
  readonly providers: ReadonlyMap<string, Account>;
  readonly routes: ReadonlyMap<string, Route>;
  /** By route: the certificate of its thresholds. */
  readonly certificates?: ReadonlyMap<string, CertificateSettings>;
  /** Of routes and providers; absent ones have none. */
  readonly objectives?: readonly Objective[];
  /** Settings for all routes; `routingDefaults` when absent. */
  readonly routing?: RoutingSettings;
  /** Every tenant that a key may name, `default` included. */
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** Budgets of their own, over tenants, tags, providers or models. */
  readonly budgets?: readonly SharedBudget[];
  readonly webhooks?: readonly Webhook[];
  /** By the sha256 hex of the whole key. Empty means that no key is needed. */
  readonly keys: ReadonlyMap<string, CallerKey>;
  /** In USD, by `provider/model`, where provider is the account's name. Overrides the price book. */
  readonly prices: PriceEntries;
  /** Features of models by `provider/model`. Overrides the catalogue. */
  readonly models?: Readonly<Record<string, ModelFacts>>;
}

/** What a route or a provider is meant to achieve (`slo`). */
export interface Objective {
  readonly scope: 'route' | 'provider';
  readonly name: string;
  readonly p95Ms?: Milliseconds | undefined;
  readonly firstTokenP95Ms?: Milliseconds | undefined;
  /** In [0, 1]. */
  readonly errorRate?: number | undefined;
}

/** The certificate of a route's thresholds, and what is done about it while the gateway runs. */
export interface CertificateSettings {
  /** An absolute path. */
  readonly file: string;
  /** Watch the route's audits by it. */
  readonly isMonitored: boolean;
  /** After a breach: `warn` says so, `strict` also sets the route's thresholds to `strict`. */
  readonly onBreach: 'warn' | 'strict';
  /** The name of the scores that measure harm; the certificate's own measure when absent. */
  readonly score?: string;
  /** The largest number accepts no answer before the last step; unlike infinity it can be recorded as JSON. */
  readonly strict: number;
}

/** A built-in detector by name, or the operator's pattern, in RE2's syntax. */
export interface RedactRule {
  readonly name: string;
  readonly pattern?: string;
}

/** One provider entry of the config: a wire format, a base URL and credentials. */
export interface Account {
  readonly name: string;
  readonly provider: Provider;
  readonly baseUrl: string;
  /** Query string of each request, as `api-version=…`. */
  readonly query?: string;
  /** Region of its models; cloud requests are signed for it. */
  readonly region?: string;
  /** In order of preference; [] when the provider needs none. AWS: `id:secret` or `id:secret:token`. Google: a service account's JSON or `metadata`. */
  readonly keys: readonly Secret[];
  /** By fingerprint: spreads calls over the keys. Absent where they are used in order of preference. */
  readonly weights?: ReadonlyMap<string, number>;
  /** Allows requests to loopback and private addresses, which are refused otherwise. */
  readonly allowPrivate: boolean;
  /** Whether its models continue a response whose beginning is in the request. When absent, a list of models decides. */
  readonly prefill?: boolean;
  /** Forward `traceparent` to it. */
  readonly trace: boolean;
  /** Rate limits per key and model; when absent they are learned from its response headers. */
  readonly limits?: AccountLimits;
  /** Health probes of the provider. */
  readonly probe?: ProbePolicy;
}

export interface ProbePolicy {
  readonly everyMs: Milliseconds;
  readonly timeoutMs: Milliseconds;
  /** After the base URL; by default the wire format's path that lists models. */
  readonly path?: string;
}

export interface AccountLimits {
  /** For models without a limit of their own. */
  readonly account: RateLimitPolicy | undefined;
  readonly models: ReadonlyMap<string, RateLimitPolicy>;
}

/** An OpenFeature provider. */
export interface FlagSettings {
  /** An absolute path, or the name of a package that is resolved from `directory`. */
  readonly provider: string;
  readonly directory: string;
  /** `flags.options` as written, passed to the provider's factory. */
  readonly options: Json;
  readonly timeoutMs: Milliseconds;
}

export interface RoutingSettings {
  readonly queue: QueuePolicy;
  readonly retryBudget: RetryBudgetPolicy;
  /** Hosts at private addresses that content may refer to, with a port or for any. */
  readonly contentUrlsAllowed?: readonly string[];
}

export const routingDefaults: RoutingSettings = { queue: queueDefault, retryBudget: retryBudgetDefault };

/** A route as configured; the planner makes a policy of it for each request. */
export interface Route extends RoutePlan {
  readonly onUnsupported: 'warn' | 'drop' | 'reject';
  readonly variants?: readonly Variant[];
  /** The feature flag that chooses the variant; shares decide when it does not. */
  readonly flag?: string;
  readonly copies?: ShadowPlan;
}
export type ConfiguredStep = PlannedStep;

/** Budget and rate limits; absent means no limit. */
export interface Caps {
  readonly budget?: BudgetPolicy;
  readonly limits?: CallerLimits;
  /** Of decoded bodies and answers under way, in each process. */
  readonly bytesInFlight?: number;
}

/** A budget for whatever matches: all of the given members. */
export interface SharedBudget {
  readonly name: string;
  readonly match: {
    readonly tenants?: readonly string[];
    readonly providers?: readonly string[];
    /** `model` or `provider/model`, perhaps a beginning with `*`. */
    readonly models?: readonly string[];
    /** By tag, any of the values. */
    readonly tags: Readonly<Record<string, readonly string[]>>;
  };
  readonly budget: BudgetPolicy;
}

export const webhookEvents = ['budget_warning', 'budget_exceeded', 'certificate_breached'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export interface Webhook {
  readonly url: string;
  /** Signs each call. */
  readonly secret: Secret | undefined;
  readonly events: readonly WebhookEvent[];
}

export interface Tenant extends Caps {
  readonly name: string;
  /** Routes and targets it may use; undefined allows all. */
  readonly routes: readonly string[] | undefined;
  /** Days; the recorder's apply where absent. */
  readonly retention?: { readonly records?: number; readonly payloads?: number };
  /** By name; `*` covers every name not listed. */
  readonly projects?: ReadonlyMap<string, Caps>;
  readonly users?: ReadonlyMap<string, Caps>;
}

export interface CallerKey extends Caps {
  readonly name: string;
  /** `*` sees all tenants in the admin API. */
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly role: 'caller' | 'viewer' | 'analyst' | 'admin';
  /** Of a key that is kept in the state store. */
  readonly id?: string;
  /** Routes and targets it may call, a name or a beginning with `*`; all when absent. */
  readonly routes?: readonly string[];
  /** Models it may be answered by, `provider/model` or a model, in the same form. */
  readonly models?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly expiresAt?: Instant;
  readonly isBlocked?: true;
}

/** USD per million tokens. */
export interface RatesEntry {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly cache_write?: number;
  readonly cache_write_1h?: number;
  readonly audio_input?: number;
  readonly audio_output?: number;
  readonly audio_cached?: number;
  readonly image_input?: number;
  readonly image_output?: number;
  readonly reasoning?: number;
}

/** A price as configured, in USD; without `input` and `output` the model is billed by units alone. */
export interface PriceEntry extends Partial<RatesEntry> {
  readonly tiers?: readonly (RatesEntry & { readonly above: number })[];
  /** By tier, as a factor on these prices. */
  readonly service_tiers?: Readonly<Record<string, number>>;
  readonly batch?: number | RatesEntry;
  readonly per_request?: number;
  readonly per_search?: number;
  readonly per_character?: number;
  readonly per_second?: number;
  readonly per_image?: Readonly<Record<string, number>>;
  readonly hours?: readonly PriceHoursEntry[];
  /** ISO 8601: a date is midnight UTC. */
  readonly from?: string;
  readonly until?: string;
}

/** Hours with another price: a share of the row's, or a price of their own. */
export interface PriceHoursEntry {
  readonly days?: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly tz?: string;
  readonly except?: readonly string[];
  readonly share?: number;
  readonly price?: RatesEntry;
}

/** By `provider/model`, where the model may end with `*`: one price, or rows that are valid at different times. */
export type PriceEntries = Readonly<Record<string, PriceEntry | readonly PriceEntry[]>>;

/** Defaults: a minute to the first content, one retry, ten minutes in total. */
export const stepDefaults = { timeoutMs: 60_000, retries: 1, backoffMs: 200 } as const;
export const routeDefaults = { deadlineMs: 600_000, onUnsupported: 'warn' } as const;
