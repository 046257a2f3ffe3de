import type { NanoUsd } from '../money/price.ts';
import type { Failure } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Signals } from '../signals/names.ts';
import type { Scorer } from '../signals/scorer.ts';
import type { AcceptRule } from '../signals/signal.ts';
import type { AttemptKind, ExtraCall } from '../targets/attempt-kind.ts';
import { providerOf } from '../targets/target-name.ts';

export interface RoutePolicy {
  readonly name: string;
  /** From arrival to the last byte, over all attempts. */
  readonly deadlineMs: Milliseconds;
  readonly onBreak?: OnBreak;
  /** The fallback chain, tried in order. */
  readonly steps: readonly RouteStep[];
  /** Wait so long for a target whose rate limit is used up before another is asked. Absent: not at all, while another lets a call in sooner. */
  readonly queueForMs?: Milliseconds;
  /** Which targets were taken and which refused when the policy was made, and why. Nothing decides by it. */
  readonly considered?: readonly Candidate[];
  /** The variant of the route that was chosen, and why. */
  readonly variant?: { readonly name: string; readonly why: string };
}

export interface Candidate {
  readonly target: string;
  readonly taken: boolean;
  readonly why: string;
  /** What a call is likely to cost; absent when its price is not known. */
  readonly costNanoUsd?: NanoUsd;
}

/**
 * What is done with a stream that breaks after its first content. Absent: the caller is told. `hold` releases nothing before so much was said or
 * so long has passed, so that until then a broken one is replaced unseen; `restart` begins anew with another target, in the caller's sight;
 * `continue` has another target go on where it broke.
 */
export type OnBreak =
  | { readonly type: 'hold'; readonly tokens?: number; readonly ms?: Milliseconds }
  | { readonly type: 'restart' }
  | { readonly type: 'continue' };

export interface RouteStep {
  /** It goes on with an answer whose beginning it is given. */
  readonly prefills?: boolean;
  /** provider/model */
  readonly target: string;
  /** An attempt that shows no content by then has failed; with `accept`, one that has not ended by then. */
  readonly timeoutMs: Milliseconds;
  /** What an answer must show to be taken. Absent takes anything, so its stream is forwarded from the first content. */
  readonly accept?: AcceptRule;
  /** Further tries of this target, made when no untried target is left that takes calls. */
  readonly retries: number;
  /** Wait before the first retry; doubles with each, less up to half by the coin, and never under 100 ms. */
  readonly backoffMs: Milliseconds;
  /** Without content after this long, start another attempt beside this one: the next step, or this target again on the last. */
  readonly hedgeAfterMs?: Milliseconds;
  /** Ask so many times in all, to see whether the answers agree, when `accept` cannot be decided otherwise. */
  readonly samples?: number;
  /** The target that is asked for its opinion of an answer, when `accept` cannot be decided otherwise. */
  readonly judge?: string;
  /** Makes the signal `scorer` of the others. */
  readonly scorer?: Scorer;
}

/** When an event happened, and what the fleet refused then, until when: targets (`provider/model`), or all of a provider by its name. */
export interface RoutingInput {
  readonly at: Instant;
  readonly closed: Readonly<Record<string, Instant>>;
  /** When rate limits that are used up let in a call of this request, by target. */
  readonly waits?: Readonly<Record<string, Instant>>;
  /** Extra calls that the allowance over all requests refuses. */
  readonly spent?: readonly ExtraCall[];
}

/** What of the world a router sees at an instant: the Moment but for its time. */
export type TargetView = Omit<RoutingInput, 'at'>;

/** What of all that is seen concerns a policy, and nothing that is over. Its record holds no more than that: other targets may be other people's. */
export function routingInputFor(policy: RoutePolicy, at: Instant, { closed, waits = noCooldowns, spent }: TargetView): RoutingInput {
  const input: RoutingInput = { at, closed: concerningPolicy(policy, closed) };
  const waiting = concerningPolicy(policy, waits, at);
  if (waiting === noCooldowns && !spent?.length) return input;
  return { ...input, ...(waiting === noCooldowns ? {} : { waits: waiting }), ...(spent?.length ? { spent } : {}) };
}

const noCooldowns: Readonly<Record<string, Instant>> = {};

/** `none` itself where there is nothing. */
function concerningPolicy(
  policy: RoutePolicy,
  until: Readonly<Record<string, Instant>>,
  after: Instant = Number.NEGATIVE_INFINITY,
): Readonly<Record<string, Instant>> {
  const isOf = (name: string, target: string): boolean => target === name || providerOf(target) === name;
  const concerned = (name: string): boolean =>
    policy.steps.some(({ target, judge }) => isOf(name, target) || (judge !== undefined && isOf(name, judge)));
  let found: Record<string, Instant> | undefined;
  for (const name in until) {
    if (until[name]! <= after || !concerned(name)) continue;
    found ??= {};
    found[name] = until[name]!;
  }
  return found ?? noCooldowns;
}

export interface RouteAttempt {
  readonly step: number;
  readonly kind: AttemptKind;
  /** `held` while its answer is being judged. */
  readonly status: 'running' | 'held' | 'declined' | 'accepted' | 'failed' | 'aborted';
  readonly opened: boolean;
  /** On the side of this attempt, whose answer it helps to judge. */
  readonly of?: number;
  /** Of an answer that is or was judged by more than it shows itself; or what a call on the side told. */
  readonly signals?: Signals;
  readonly confidence?: number;
  readonly failure?: Failure;
}

export interface RouteState {
  readonly policy: RoutePolicy;
  readonly seed: string;
  readonly deadlineAt: Instant;
  readonly attempts: readonly RouteAttempt[];
  /** The step whose retry is being waited for; nothing else is under way then. */
  readonly retryWaiting?: number;
  /** The step whose rate limit is being waited for, and as what it will be asked; nothing else is under way then. */
  readonly queued?: { readonly step: number; readonly kind: AttemptKind; readonly since: Instant };
  /** Waited for rate limits so far; absent when it never did. */
  readonly queuedMs?: Milliseconds;
  /** The attempt whose answer the caller reads. */
  readonly committed?: number;
  readonly outcome?: RouteOutcome;
}

export type RouteOutcome = { readonly type: 'answered'; readonly attempt: number } | { readonly type: 'failed'; readonly failure: Failure };

export type RouteEvent = RoutingInput &
  (
    | { readonly type: 'attempt-opened'; readonly attempt: number }
    | { readonly type: 'attempt-answered'; readonly attempt: number; readonly signals: Signals }
    /** `continuable`: what the caller read of it is plain text, and another target may go on with it. */
    | { readonly type: 'attempt-failed'; readonly attempt: number; readonly failure: Failure; readonly continuable?: boolean }
    /** As much as the route holds back has been said. */
    | { readonly type: 'attempt-released'; readonly attempt: number }
    | { readonly type: 'timer-fired'; readonly timer: Timer }
    /** Its turn has come in the queue for the step's target. */
    | { readonly type: 'admitted'; readonly step: number }
    | { readonly type: 'caller-left' }
  );

export type Timer =
  | { readonly type: 'deadline' }
  | { readonly type: 'timeout'; readonly attempt: number }
  | { readonly type: 'hedge'; readonly attempt: number }
  | { readonly type: 'hold'; readonly attempt: number }
  | { readonly type: 'retry'; readonly step: number }
  /** It has queued for as long as it may. */
  | { readonly type: 'queue'; readonly step: number };

export interface AttemptCommand {
  readonly type: 'attempt';
  readonly attempt: number;
  readonly target: string;
  readonly step: number;
  readonly kind: AttemptKind;
  /** Of a call on the side: the attempt whose answer it helps to judge. */
  readonly of?: number;
}

export type RouteCommand =
  | AttemptCommand
  /** Take a place in the queue for the target; `admitted` tells when its turn has come. */
  | { readonly type: 'queue'; readonly step: number; readonly target: string }
  | { readonly type: 'unqueue'; readonly step: number }
  /** `failure` when the attempt is given up for one, a timeout; absent when its answer is no longer needed. */
  | { readonly type: 'abort'; readonly attempt: number; readonly failure?: Failure }
  | { readonly type: 'timer'; readonly timer: Timer; readonly at: Instant }
  /** From here on the caller reads this attempt; nothing can replace it. Comes before every answered finish. */
  | { readonly type: 'commit'; readonly attempt: number }
  | { readonly type: 'finish'; readonly outcome: RouteOutcome };

export interface Transition {
  readonly state: RouteState;
  readonly commands: readonly RouteCommand[];
}
