import type { CallerFormat } from '../core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse } from '../core/chat/chat.ts';
import type { Provider, RawRequest, RenderedRequest, Warning } from '../core/chat/provider.ts';
import type { Caller, Exchange, ExchangeSink, Sealed, TraceIds } from '../core/exchange.ts';
import type { Price } from '../core/money/price.ts';
import type { TargetView } from '../core/routing/contract.ts';
import type { RoutePolicy } from '../core/routing/router.ts';
import type { ShadowPlan } from '../core/routing/variants.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import type { Observation } from '../core/targets/observation.ts';
import type { FeatureFlags } from '../flags/flags.ts';
import type { AccountEndpoint } from '../observability/spans.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import type { TraceContext } from '../settings/ids.ts';
import type { Secret } from '../settings/secret.ts';
import type { CallerKey, Route, Settings } from '../settings/settings.ts';
import type { PlanInput } from '../targets/planner.ts';
import type { Demand } from '../targets/registry.ts';
import type { TokenCounter } from '../tokens/counter.ts';
import type { Upstream } from '../transport/upstream.ts';

/** Where the bytes of one request and its answers are counted while they are under way. */
export interface ByteAccount {
  /** Undefined when they are taken; else whose limit they exceed: the process's, or the caller's. */
  take(bytes: number): 'process' | 'caller' | undefined;
  /** Its bytes are given back when all who hold it have released it; the request's connection is the first. */
  hold(): void;
  release(): void;
}

export interface Target {
  /** The account's name in the config. */
  readonly providerName: string;
  readonly provider: Provider;
  readonly model: string;
  readonly baseUrl: string;
  readonly key: Secret | undefined;
  /** Follows the path, without its question mark; absent for none. */
  readonly query?: string;
  /** Of a cloud, where calls are signed for it. */
  readonly region?: string;
  readonly allowPrivate: boolean;
  /** Pass our trace on to it. */
  readonly trace: boolean;
}

export interface ExecutionEnvironment {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly sink: ExchangeSink;
  /** `tokens` is the estimate for the call: a key whose rate limit admits it is preferred. `avoided` are fingerprints of keys that failed. */
  targetOf(target: string, seed: string, tokens?: number, avoided?: ReadonlySet<string>): Target;
  /** Whether the target's account has a key that is not avoided and ready now; never when absent. */
  hasOtherKey?(target: string, tokens: number, avoided: ReadonlySet<string>): boolean;
  /** What the fleet refuses at this instant, and until when: targets, or all of a provider by its name. */
  coolingDown(at: Instant): Readonly<Record<string, Instant>>;
  /** What the limits of these targets and the allowance of extra calls say to such a request; absent when there are none. */
  viewTargets?(targets: readonly string[], demand: Demand, at: Instant): Omit<TargetView, 'closed'>;
  /** Takes a place in the queue for a target, and gives what leaves it. */
  enqueue?(target: string, demand: Demand, admitted: () => void): Cancel;
  observe(observation: Observation): void;
  priceOf(provider: Provider, providerName: string, model: string, at: Instant): Price | undefined;
  newSpanId(): string;
  /** Of tokens; without one they are estimated by length. */
  readonly counter?: TokenCounter;
  /** Longest silence of a stream after its first content; `streamIdleMsDefault` when absent. */
  readonly streamIdleMs?: Milliseconds;
}

export const streamIdleMsDefault: Milliseconds = 30_000;

/** The head of an answer: what goes out before its first byte. */
export interface ResponseHead {
  readonly status: number;
  readonly contentType: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** The caller's end of an answer. */
export interface ResponseSink {
  /** Whether a head went out; a stream's reader may have sent one early, to keep the connection alive. */
  readonly headSent: boolean;
  sendHead(head: ResponseHead): void;
  /** Returns false to pause until the execution's `resume`. */
  write(bytes: Buffer): boolean;
  /** The last bytes. Only a sealed record releases them; the head is for a sink that has not begun. */
  end(bytes: Buffer, head: ResponseHead, sealed: Sealed): void;
  /** The record could not be made, or the caller left before the end: the answer must not look whole. */
  fail(text: string, head: ResponseHead): void;
}

/** Hears once of an execution's end, after the last bytes were handed to its sink. */
export interface ExecutionObserver {
  /** The record is sealed, or is known never to be (`outcome` is `internal` then). */
  ended(exchange: Exchange): void;
  /** A mistake of ours left nothing to record. */
  crashed(problem: unknown): void;
}

export interface ExecutionHandle {
  /**
   * Settles when the record is sealed, or is known never to be (`outcome` is `internal` then), and the last bytes are handed to the
   * reader. Rejects only for a mistake of ours that left nothing to record.
   */
  readonly done: Promise<Exchange>;
  /** The caller has disconnected. */
  cancel(): void;
  /** The caller takes bytes again. */
  resume(): void;
  /** What the caller was answered, in our own words; undefined when it got no whole answer. Known once `done` has settled. */
  response(): ChatResponse | undefined;
}

export interface RoutedRequest {
  /** UUIDv7 of the exchange, and the seed of its coins. */
  readonly id: string;
  readonly receivedAt: Instant;
  /** Start of its deadline, where it may have waited before; the start of execution when absent. */
  readonly arrivedAt?: Instant;
  readonly caller: Caller;
  readonly trace: TraceIds;
  readonly dialect: CallerFormat;
  readonly policy: RoutePolicy;
  readonly onUnsupported: 'warn' | 'drop' | 'reject';
  readonly configHash: string;
  readonly chat: ChatRequest;
  /** The caller's JSON text, for targets of the same wire format. */
  readonly raw: RawRequest;
  /** The caller's body, byte for byte, and its allow-listed headers. */
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly includeUsage: boolean;
  /** A caller that lost its connection may resume: the pieces of its stream are numbered and kept. */
  readonly isResumable?: true;
  /** How the trace continues at providers with `trace: true`: its flag and the caller's `tracestate`; sampled and without one when absent. */
  readonly propagatedTrace?: { readonly isSampled: boolean; readonly state: string };
  /** Estimated tokens, where the body is not the counted text; `isFree` for calls without a price. */
  readonly estimatedTokens?: { readonly input: number; readonly output: number; readonly isFree?: true };
  /** How many gateways it came through already; absent means none. */
  readonly hops?: number;
  /** Counts the bytes of its answers; absent for calls of our own. */
  readonly bytes?: ByteAccount | undefined;
  /** Log-probabilities are requested where the caller or `accept` needs them (absent), or always, for replay. */
  readonly measure?: 'requested' | 'always';
  /** Shadows and audits of the route; none when absent. */
  readonly shadowPlan?: ShadowPlan;
  readonly replayOf?: string;
  /** For a copy: the probability with which it was drawn. */
  readonly auditProbability?: number;
  readonly run?: string;
  readonly arm?: string;
  readonly repeat?: number;
}

export interface PreparedRequest extends RenderedRequest {
  /** `body` as UTF-8, where it was made of the caller's bytes. */
  readonly bytes?: Buffer;
  /** The target's. */
  readonly wire: string;
  /** Caller and target use the same wire format: the response's bytes may pass. */
  readonly isVerbatim: boolean;
  /** What of an answer to it the caller's format has no place for; absent where the answer's bytes pass. */
  readonly responseLosses?: (answer: ChatResponse) => readonly Warning[];
  /** Makes the bytes of a verbatim response readable for the caller; absent where they always are. */
  readonly adaptAnswer?: (data: string) => string;
  /** JSON is requested by prompt only, not enforced. */
  readonly emulatesJson?: true;
  /** The caller's tool names by the shorter ones that were sent; absent when none was changed. */
  readonly toolNames?: ReadonlyMap<string, string>;
  /** The caller's names of freeform tools that were sent as functions; absent without any. */
  readonly freeformTools?: ReadonlySet<string>;
  /** It continues a broken response, whose beginning it has. */
  readonly isContinuation?: boolean;
  /** The request for the target, added log-probabilities included. */
  readonly chat: ChatRequest;
  /** Set when the gateway added log-probabilities: alternatives the caller may see, undefined for none. */
  readonly addedLogprobs?: { readonly callerTop: number | undefined };
}

export interface GatewayRuntime extends ExecutionEnvironment {
  /** The policy of one request; without steps when no target is allowed; `considered` has the reasons. */
  policyOf(route: Route, planned: PlanInput): RoutePolicy;
  /** Where an account's calls go; undefined for none of ours. */
  endpointOf(providerName: string): AccountEndpoint | undefined;
}

/** One request from its arrival on, and the version of the configuration that it met. */
export interface RequestContext {
  readonly id: string;
  readonly receivedAt: Instant;
  readonly trace: TraceContext;
  readonly key: CallerKey;
  readonly settings: Settings;
  readonly runtime: GatewayRuntime;
  readonly telemetry: Telemetry;
  readonly flags?: FeatureFlags | undefined;
  readonly bytes?: ByteAccount | undefined;
}
