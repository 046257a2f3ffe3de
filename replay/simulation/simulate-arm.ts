/** Simulated replay: the live router in virtual time over recorded behaviour of its targets. Unseen behaviour is never invented. */

import { isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import { type JsonObject, parseJson } from '../../gateway/core/chat/json.ts';
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { RoutePolicy, RouteState } from '../../gateway/core/routing/router.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import { observeHealth, type TargetHealthMap } from '../../gateway/core/targets/health.ts';
import type { Observation } from '../../gateway/core/targets/observation.ts';
import type { Arm } from '../arms/arm.ts';
import type { RecordedAttempt } from '../recorded/attempts.ts';
import { dialectOf } from '../recorded/dialects.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { type AttemptBehaviour, attemptBehaviourOf, attemptsIn, type BehaviourPool, isDeclined } from './behaviour.ts';

/** The simulator, as a composition root hands it in. */
export type SimulatePolicy = (
  policy: RoutePolicy,
  seed: string,
  behaviours: (target: string, nth: number) => AttemptBehaviour | undefined,
  fleet: TargetHealthMap,
  startAt: Instant,
) =>
  | {
      readonly supported: true;
      readonly state: RouteState;
      readonly endedAt: Instant;
      readonly events: readonly { readonly type: string; readonly at: Instant; readonly attempt?: number }[];
    }
  | { readonly supported: false; readonly target: string };

export interface SimulatedRequest {
  readonly request: RecordedRequest;
  readonly outcome: 'ok' | 'failed' | 'unsupported';
  /** The missing target or the reason why the request is unsupported; '' when supported. */
  readonly reason: string;
  /** Some behaviour was drawn from other requests. */
  readonly drawn: boolean;
  readonly target: string;
  readonly costNanoUsd: NanoUsd;
  readonly latencyMs: Milliseconds;
  readonly firstTokenMs: Milliseconds;
  readonly attempts: number;
  readonly escalations: number;
}

export interface SimulationOptions {
  readonly pool: BehaviourPool;
  readonly seed: string;
  /** Whether a request's own record may be used; a backtest withholds it to see how good drawing is. */
  readonly own: boolean;
  readonly simulate: SimulatePolicy;
}

/** In order of arrival: what happened to the requests before is what the fleet knows. */
export function simulateArm(requests: readonly RecordedRequest[], arm: Arm, options: SimulationOptions): readonly SimulatedRequest[] {
  const pending: Observation[] = [];
  let fleet: TargetHealthMap = new Map();
  return requests.map(request => {
    pending.sort((a, b) => a.at - b.at);
    let applied = 0;
    while (applied < pending.length && pending[applied]!.at <= request.receivedAt) {
      fleet = observeHealth(fleet, pending[applied]!);
      arm.runtime.observe(pending[applied]!);
      applied++;
    }
    pending.splice(0, applied);
    return simulateOne(request, arm, options, fleet, observation => pending.push(observation));
  });
}

function simulateOne(
  request: RecordedRequest,
  arm: Arm,
  options: SimulationOptions,
  fleet: TargetHealthMap,
  record: (observation: Observation) => void,
): SimulatedRequest {
  const nothing = { request, drawn: false, target: '', costNanoUsd: 0, latencyMs: 0, firstTokenMs: 0, attempts: 0, escalations: 0 };
  const policy = policyFor(request, arm);
  if (typeof policy === 'string') return { ...nothing, outcome: 'unsupported', reason: policy };
  const own = options.own ? attemptsIn(request).filter(({ outcome }) => outcome !== 'aborted' && outcome !== 'cancelled') : [];
  const used: RecordedAttempt[] = [];
  let drawn = false;
  const startAt = request.receivedAt;
  const simulation = options.simulate(
    policy,
    request.id,
    (target, nth) => {
      const known = own.filter(attempt => attempt.target === target)[nth];
      const afterDecline = used.some(isDeclined);
      const attempt = known ?? options.pool.draw(target, request, nth, options.seed, afterDecline);
      if (!attempt) return undefined;
      if (!known) drawn = true;
      used.push(attempt);
      return attemptBehaviourOf(attempt, request.stream);
    },
    fleet,
    startAt,
  );
  if (!simulation.supported) {
    const { target } = simulation;
    const reason = options.pool.isSelected(target) ? `${target} ${recordedAfterDecline}` : `nothing is recorded of ${target}`;
    return { ...nothing, outcome: 'unsupported', reason };
  }
  const { state, endedAt, events } = simulation;
  for (const event of events) {
    const attempt = event.attempt === undefined ? undefined : used[event.attempt];
    if (attempt) for (const observation of observations(attempt, event)) record(observation);
  }
  const kept = state.outcome?.type === 'answered' ? state.outcome.attempt : undefined;
  const opened = events.find(event => event.type === 'attempt-opened' && event.attempt === kept);
  const isHeld = kept !== undefined && state.policy.steps[state.attempts[kept]!.step]!.accept !== undefined;
  return {
    request,
    outcome: kept === undefined ? 'failed' : 'ok',
    reason: '',
    drawn,
    target: (kept === undefined ? used.at(-1) : used[kept])?.target ?? '',
    costNanoUsd: used.reduce((sum, attempt) => sum + (attempt.costNanoUsd ?? 0), 0),
    latencyMs: endedAt - startAt,
    // An answer that must show its confidence is not read before its end.
    firstTokenMs: (opened && !isHeld ? opened.at : endedAt) - startAt,
    attempts: used.length,
    escalations: state.attempts.filter(({ kind }) => kind === 'escalation').length,
  };
}

/** Ends a reason: the deployed rule selected the requests of which the target is known. */
export const recordedAfterDecline = 'is recorded only where an earlier answer was declined';

/** Start and end are observed together, since concurrency does not affect these decisions. */
function observations(attempt: RecordedAttempt, event: { readonly type: string; readonly at: Instant }): readonly Observation[] {
  const base = { target: attempt.target, credential: '', at: event.at };
  if (event.type === 'attempt-answered') {
    return [
      { ...base, type: 'sent' },
      { ...base, type: 'answered', firstTokenMs: attempt.firstTokenMs || attempt.durationMs, totalMs: attempt.durationMs },
    ];
  }
  if (event.type !== 'attempt-failed') return [];
  const behaviour = attemptBehaviourOf(attempt, false);
  return 'failure' in behaviour.result
    ? [
        { ...base, type: 'sent' },
        { ...base, type: 'failed', failure: behaviour.result.failure },
      ]
    : [];
}

function policyFor(request: RecordedRequest, arm: Arm): RoutePolicy | string {
  const body = parseJson(request.body) as JsonObject | undefined;
  const dialect = dialectOf(request.dialect);
  if (!body || !dialect) return 'its bytes cannot be read';
  const chat = dialect.parseRequest({ model: request.route, stream: request.stream, ...body });
  if (isFieldProblem(chat)) return chat.problem.message;
  const caller = { tenant: request.tenant, key: '', conversation: request.conversation };
  const routed = arm.routeOf({ ...body, model: chat.model }, { id: request.id, chat, requestBytes: request.body.length, caller }, request);
  return typeof routed === 'string' ? routed : routed.policy;
}
