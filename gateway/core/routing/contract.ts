import type { NanoUsd } from '../money/price.ts';
import type { Failure } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Signals } from '../signals/names.ts';
import type { Scorer } from '../signals/scorer.ts';
import type { AcceptRule } from '../signals/signal.ts';
import type { AttemptKind, ExtraCall } from '../targets/attempt-kind.ts';
import { providerOf } from '../targets/target-name.ts';

/** The plan of one request: its steps in order, with deadlines and acceptance rules. Recorded as JSON. */
export interface RoutePolicy {
  readonly name: string;
  /** From arrival to the last byte, over all attempts. */
  readonly deadlineMs: Milliseconds;
  readonly onBreak?: OnBreak;
  /** The fallback chain, in order. */
  readonly steps: readonly RouteStep[];
  /** The longest wait for a rate-limited target before another one is used. Absent: no wait while another target admits a call sooner. */
  readonly queueForMs?: Milliseconds;
  /** The targets that were selected and refused when the policy was made, with reasons. For information only. */
  readonly considered?: readonly Candidate[];
  /** The chosen variant of the route, with the reason. */
  readonly variant?: { readonly name: string; readonly why: string };
}

/** A target that the planner considered, and why it was taken or refused. */
export interface Candidate {
  readonly target: string;
  readonly taken: boolean;
  readonly why: string;
  /** The estimated cost of a call; absent when its price is unknown. */
  readonly costNanoUsd?: NanoUsd;
}

/**
 * What happens to a stream that breaks after its first content. Absent: the caller gets the error.
 * `hold` buffers the first characters or milliseconds, so that a stream that breaks within them is replaced unseen.
 * `restart` starts over with another target, visibly to the caller.
 * `continue` lets another target continue where the stream broke.
 */
export type OnBreak =
  | { readonly type: 'hold'; readonly tokens?: number; readonly ms?: Milliseconds }
  | { readonly type: 'restart' }
  | { readonly type: 'continue' };

/** One target of a policy, with its timeout, retries, hedge and acceptance rule. */
export interface RouteStep {
  /** It continues a response from its beginning (prefill). */
  readonly prefills?: boolean;
  /** provider/model */
  readonly target: string;
  /** Whose limits its target has; set where the makers of a policy's targets differ. */
  readonly maker?: string;
  /** Time to first content. For steps with `accept`: time to the complete response. */
  readonly timeoutMs: Milliseconds;
  /** The condition for accepting a response. Absent accepts any, so its stream is forwarded from the first content. */
  readonly accept?: AcceptRule;
  /** Retries of this target. They happen after all available fallbacks have been tried once. */
  readonly retries: number;
  /** Wait before the first retry. It doubles with each, minus up to half by seeded jitter, and is at least 100 ms. */
  readonly backoffMs: Milliseconds;
  /** Without content after this long, a hedge starts: the next step, or this target again on the last. */
  readonly hedgeAfterMs?: Milliseconds;
  /** Total calls whose responses are compared for agreement, when `accept` is otherwise undecided. */
  readonly samples?: number;
  /** The target that judges a response, when `accept` is otherwise undecided. */
  readonly judge?: string;
  /** Computes the signal `scorer` from the others. */
  readonly scorer?: Scorer;
}

/** The time of an event, and the cooldowns at that time: by target (`provider/model`), or by provider for all of its targets. */
export interface RoutingInput {
  readonly at: Instant;
  readonly closed: Readonly<Record<string, Instant>>;
  /** When used-up rate limits admit a call of this request, by target. */
  readonly waits?: Readonly<Record<string, Instant>>;
  /** Extra calls that the retry budget over all requests refuses. */
  readonly spent?: readonly ExtraCall[];
}

/** The router's view of targets at an instant: a RoutingInput without its time. */
export type TargetView = Omit<RoutingInput, 'at'>;

/**
 * The part of a view that concerns a policy and is not over. Its record holds no more, because other targets may belong to other tenants.
 */
export function routingInputFor(policy: RoutePolicy, at: Instant, { closed, waits = noCooldowns, spent }: TargetView): RoutingInput {
  const input: RoutingInput = { at, closed: concerningPolicy(policy, closed) };
  const waiting = concerningPolicy(policy, waits, at);
  if (waiting === noCooldowns && !spent?.length) return input;
  return { ...input, ...(waiting === noCooldowns ? {} : { waits: waiting }), ...(spent?.length ? { spent } : {}) };
}

const noCooldowns: Readonly<Record<string, Instant>> = {};

/** Returns `none` itself where nothing concerns the policy. */
function concerningPolicy(
  policy: RoutePolicy,
  until: Readonly<Record<string, Instant>>,
  after: Instant = Number.NEGATIVE_INFINITY,
): Readonly<Record<string, Instant>> {
  let found: Record<string, Instant> | undefined;
  for (const name in until) {
    if (until[name]! <= after || !isConcerned(policy, name)) continue;
    found ??= {};
    found[name] = until[name]!;
  }
  return found ?? noCooldowns;
}

const isConcerned = ({ steps }: RoutePolicy, name: string): boolean =>
  steps.some(({ target, judge }) => isTargetOf(name, target) || (judge !== undefined && isTargetOf(name, judge)));

const isTargetOf = (name: string, target: string): boolean => target === name || providerOf(target) === name;

/** The router's view of one attempt. */
export interface RouteAttempt {
  readonly step: number;
  readonly kind: AttemptKind;
  /** `buffered` while its response is buffered and judged. */
  readonly status: 'running' | 'buffered' | 'declined' | 'accepted' | 'failed' | 'aborted';
  readonly opened: boolean;
  /** Set on a side call: the attempt whose response it helps to judge. */
  readonly of?: number;
  /** For a response judged by side calls: all its signals. For a side call: the signals it gave. */
  readonly signals?: Signals;
  readonly confidence?: number;
  readonly failure?: Failure;
  /** A retry with another key of the account, which counts neither as one of the step's retries nor against the retry budget. */
  readonly otherKey?: true;
}

/** The router's state. It follows from the policy, the seed and the events alone. */
export interface RouteState {
  readonly policy: RoutePolicy;
  readonly seed: string;
  readonly deadlineAt: Instant;
  readonly attempts: readonly RouteAttempt[];
  /** The step whose retry is waited for; no attempt is running then. */
  readonly retryWaiting?: number;
  /** The step whose rate limit is waited for, and the kind of its attempt; no attempt is running then. */
  readonly queued?: { readonly step: number; readonly kind: AttemptKind; readonly since: Instant };
  /** Total time waited for rate limits; absent when there was none. */
  readonly queuedMs?: Milliseconds;
  /** The attempt whose response is sent to the caller. */
  readonly committed?: number;
  readonly outcome?: RouteOutcome;
}

/** The end of a route: the attempt whose response was sent, or a failure. */
export type RouteOutcome = { readonly type: 'answered'; readonly attempt: number } | { readonly type: 'failed'; readonly failure: Failure };

/** An event that the driver reports to the router. Recorded as JSON. */
export type RouteEvent = RoutingInput &
  (
    | { readonly type: 'attempt-opened'; readonly attempt: number }
    | { readonly type: 'attempt-answered'; readonly attempt: number; readonly signals: Signals }
    /**
     * `continuable`: the caller received plain text only, so another target may continue it. `otherKey`: the key is to blame, and the account has
     * another one that is ready.
     */
    | {
        readonly type: 'attempt-failed';
        readonly attempt: number;
        readonly failure: Failure;
        readonly continuable?: boolean;
        readonly otherKey?: boolean;
      }
    /** The amount that the route buffers has arrived. */
    | { readonly type: 'attempt-released'; readonly attempt: number }
    | { readonly type: 'timer-fired'; readonly timer: Timer }
    /** The queue for the step's target admitted it. */
    | { readonly type: 'admitted'; readonly step: number }
    | { readonly type: 'caller-left' }
  );

/** A timer that the router set, named by its purpose. */
export type Timer =
  | { readonly type: 'deadline' }
  | { readonly type: 'timeout'; readonly attempt: number }
  | { readonly type: 'hedge'; readonly attempt: number }
  | { readonly type: 'hold'; readonly attempt: number }
  | { readonly type: 'retry'; readonly step: number }
  /** It has queued for the maximum time. */
  | { readonly type: 'queue'; readonly step: number };

/** The command to call a target. */
export interface AttemptCommand {
  readonly type: 'attempt';
  readonly attempt: number;
  readonly target: string;
  readonly step: number;
  readonly kind: AttemptKind;
  /** Set on a side call: the attempt whose response it helps to judge. */
  readonly of?: number;
  /** A retry with another key of the account. */
  readonly otherKey?: true;
}

/** A command of the router, which the driver executes. */
export type RouteCommand =
  | AttemptCommand
  /** Join the queue for the target; `admitted` reports the end of the wait. */
  | { readonly type: 'queue'; readonly step: number; readonly target: string }
  | { readonly type: 'unqueue'; readonly step: number }
  /** `failure` when the attempt is aborted for one, a timeout; absent when its response is no longer needed. */
  | { readonly type: 'abort'; readonly attempt: number; readonly failure?: Failure }
  | { readonly type: 'timer'; readonly timer: Timer; readonly at: Instant }
  /** From here on this attempt's response goes to the caller and cannot be replaced. Precedes every answered finish. */
  | { readonly type: 'commit'; readonly attempt: number }
  | { readonly type: 'finish'; readonly outcome: RouteOutcome };

/** The result of `begin` and `advance`: the new state and the commands to execute, in order. */
export interface Transition {
  readonly state: RouteState;
  readonly commands: readonly RouteCommand[];
}
