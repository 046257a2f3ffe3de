import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cooldownUntil, rateLimitedUntil, retryWaitMsMax, retryWaitMsMin } from '../../../gateway/core/routing/retry.ts';
import { advance, type RouteCommand, type RoutePolicy, type RoutingInput } from '../../../gateway/core/routing/router.ts';
import { decideAcceptance } from '../../../gateway/core/routing/side-calls.ts';
import { type Failure, retryScopeOf } from '../../../gateway/core/shared/failure.ts';
import { withScorerSignal } from '../../../gateway/core/signals/scorer.ts';
import { confidenceOf } from '../../../gateway/core/signals/signal.ts';
import { anyPolicy, arbitraryEvents, fleet, policy, recordings, recoveringPolicy, targetView } from '../../arbitraries.ts';
import { type RouteStepTrace, type RouteTrace, traceRoute, traceSteps } from '../../route-steps.ts';
import { longTimeout, runs } from '../../runs.ts';

/** Checks a rule on random policies, outcomes and target health. */
const always = (rule: (routed: RouteTrace, policy: RoutePolicy, seed: string) => void, numRuns = 1_500, policies = policy): void =>
  fc.assert(
    fc.property(policies, recordings, fc.uuid(), fleet, targetView, (policy, recorded, seed, health, seen) => {
      rule(traceRoute(policy, seed, recorded, health, seen), policy, seed);
    }),
    runs(numRuns),
  );

const commandsOf = <T extends RouteCommand['type']>(steps: readonly RouteStepTrace[], type: T) =>
  steps.flatMap(step => step.commands.filter((c): c is Extract<RouteCommand, { type: T }> => c.type === type));

/** Each step may be called once and retried; on the last one, each call may have a hedge. */
const mainAttemptsMax = ({ steps }: RoutePolicy): number => steps.reduce((sum, s) => sum + 1 + s.retries, 0) + 1 + steps.at(-1)!.retries;
/** With the side calls of each. */
const attemptsMax = (policy: RoutePolicy): number =>
  mainAttemptsMax(policy) * Math.max(...policy.steps.map(s => (s.samples ?? 1) + (s.judge === undefined ? 0 : 1)));

/** Whether a call is admitted now or after an acceptable wait. */
const isWithin = (now: RoutingInput, target: string, deadlineAt: number): boolean => {
  const waitMs = Math.max(0, rateLimitedUntil(now, target) - now.at);
  return waitMs <= retryWaitMsMax && now.at + waitMs < deadlineAt;
};

describe('the router', { timeout: longTimeout }, () => {
  test('finishes once, by the deadline, within its attempts, and leaves no attempt running', () => {
    always(
      ({ state, endedAt, steps }, drawn) => {
        expect(state.outcome).toBeDefined();
        expect(commandsOf(steps, 'finish')).toHaveLength(1);
        expect(steps.at(-1)!.commands.at(-1)).toEqual({ type: 'finish', outcome: state.outcome });
        expect(endedAt).toBeLessThanOrEqual(drawn.deadlineMs);
        expect(state.attempts.length).toBeLessThanOrEqual(attemptsMax(drawn));
        expect(state.attempts.filter(a => a.of === undefined).length).toBeLessThanOrEqual(mainAttemptsMax(drawn));
        expect(state.attempts.filter(a => a.status === 'running' || a.status === 'buffered')).toEqual([]);
      },
      2_000,
      anyPolicy,
    );
  });

  test('issues no command after it finished, whatever still happens', () => {
    fc.assert(
      fc.property(policy, recordings, fc.uuid(), arbitraryEvents, (drawn, recorded, seed, later) => {
        const { state, events } = traceRoute(drawn, seed, recorded);
        for (const event of [...events, ...later]) expect(advance(state, event)).toEqual({ state, commands: [] });
      }),
      runs(800),
    );
  });

  test('is deterministic: the same events give the same state and the same commands', () => {
    always(
      ({ state, events, steps }, drawn, seed) => {
        const copied = structuredClone(events);
        const repeated = traceSteps(structuredClone(drawn), seed, structuredClone(steps[0]!.now), copied);
        expect(repeated.at(-1)!.after).toEqual(state);
        expect(repeated.map(s => s.commands)).toEqual(steps.map(s => s.commands));
      },
      1_500,
      anyPolicy,
    );
  });

  test('never mutates a state that it returned', () => {
    always(({ steps }) => {
      for (const { before, event } of steps) {
        if (!before || !event) continue;
        const frozen = deepFreeze(structuredClone(before));
        advance(frozen, event);
        expect(frozen).toEqual(before);
      }
    }, 300);
  });

  test('commits at most once, and answers only with the committed attempt', () => {
    always(({ state, steps }) => {
      const commits = commandsOf(steps, 'commit');
      expect(commits.length).toBeLessThanOrEqual(1);
      expect(state.committed).toBe(commits[0]?.attempt);
      if (state.outcome?.type === 'answered') expect(state.outcome.attempt).toBe(state.committed);
    });
  });

  test('never mixes two attempts in one response', () => {
    always(({ steps }) => {
      let reading: number | undefined;
      for (const { commands } of steps) {
        for (const command of commands) {
          if (command.type === 'attempt') expect(reading, 'no attempt starts after commit').toBeUndefined();
          if (command.type === 'commit') reading = command.attempt;
          if (command.type === 'finish' && command.outcome.type === 'answered') expect(command.outcome.attempt).toBe(reading);
          if (command.type === 'abort' && command.attempt === reading) expect(commands.at(-1)!.type).toBe('finish');
        }
      }
    });
  });

  test('replaces a committed attempt only when the route recovers streams and the attempt failed', () => {
    always(
      ({ state, steps }, { onBreak }) => {
        let reading: number | undefined;
        for (const { before, event, after, commands } of steps) {
          for (const command of commands) {
            const isBroken = reading !== undefined && after.attempts[reading]!.status === 'failed';
            if (command.type === 'attempt' && reading !== undefined)
              expect(isBroken, 'no attempt starts beside a committed one').toBe(true);
            if (command.type === 'commit' && reading !== undefined) {
              expect(isBroken).toBe(true);
              expect(onBreak!.type === 'restart' || chainOf(after)[command.attempt]!.prefills).toBe(true);
            }
            if (command.type === 'commit') reading = command.attempt;
            if (command.type === 'finish' && command.outcome.type === 'answered') expect(command.outcome.attempt).toBe(reading);
          }
          const isCut = event?.type === 'attempt-failed' && event.attempt === before?.committed;
          if (isCut && onBreak!.type === 'continue' && !event.continuable) expect(after.outcome).toMatchObject({ type: 'failed' });
        }
        expect(state.outcome).toBeDefined();
      },
      1_500,
      recoveringPolicy,
    );
  });

  test('ends a committed response with its completion or with a failure', () => {
    always(({ state, steps }) => {
      const opened = steps.some(({ event, before }) => event?.type === 'attempt-opened' && event.attempt === before?.committed);
      if (opened && state.outcome?.type === 'answered') expect(state.attempts[state.committed!]!.status).toBe('accepted');
      if (state.outcome?.type === 'failed' && state.committed !== undefined) {
        expect(['failed', 'aborted']).toContain(state.attempts[state.committed]!.status);
      }
    });
  });

  test('calls a target in cooldown only when no available one is untried', () => {
    always(({ steps, state: { deadlineAt } }, { steps: chain }) => {
      for (const { before, now, commands } of steps) {
        const tried = new Set(before?.attempts.map(a => a.step));
        const isOpen = (target: string): boolean => cooldownUntil(now, target) <= now.at && isWithin(now, target, deadlineAt);
        const open = chain.some(({ target }, i) => !tried.has(i) && isOpen(target));
        for (const { target, kind, of } of commands.filter(c => c.type === 'attempt')) {
          if (cooldownUntil(now, target) <= now.at || of !== undefined) continue;
          expect(open, `${target} is in cooldown`).toBe(false);
          expect(['retry', 'hedge'], 'a target in cooldown is called at most once').not.toContain(kind);
          expect(before?.attempts.some(a => a.status === 'declined') ?? false, 'a declined answer is at hand').toBe(false);
        }
      }
    });
  });

  test("fails without a call only when every target's wait is too long, and reports the wait", () => {
    always(({ state, steps }, { steps: chain }) => {
      if (state.attempts.length > 0) return;
      const { now } = steps.at(-1)!;
      expect(chain.some(({ target }) => isWithin(now, target, state.deadlineAt) && rateLimitedUntil(now, target) <= now.at)).toBe(false);
      expect(state.outcome).toMatchObject({ type: 'failed', failure: { kind: now.at < state.deadlineAt ? 'rate-limited' : 'timeout' } });
      if (now.at < state.deadlineAt) expect((state.outcome as { failure: Failure }).failure.retryAfterMs).toBeGreaterThan(0);
    }, 3_000);
  });

  test('calls a rate-limited target only when the queue admits it, and leaves the queue at the end', () => {
    always(({ steps }) => {
      let queued: number | undefined;
      for (const { event, now, commands } of steps) {
        if (event?.type === 'admitted') queued = undefined;
        for (const command of commands) {
          if (command.type === 'queue') queued = command.step;
          if (command.type === 'unqueue') expect(command.step).toBe(queued);
          if (command.type === 'unqueue') queued = undefined;
          if (command.type === 'attempt' && command.of === undefined && event?.type !== 'admitted') {
            expect(rateLimitedUntil(now, command.target), `${command.kind} at ${command.target}`).toBeLessThanOrEqual(now.at);
          }
        }
      }
      expect(queued).toBeUndefined();
    }, 3_000);
  });

  test('starts no retry, fallback or hedge while the retry budget is used up', () => {
    always(({ steps }) => {
      for (const { now, commands } of steps) {
        for (const { kind } of commands.filter(c => c.type === 'attempt')) {
          if (now.spent?.includes('hedge')) expect(kind).not.toBe('hedge');
          if (now.spent?.includes('retry')) expect(['retry', 'fallback']).not.toContain(kind);
        }
      }
    });
  });

  test('makes side calls only while they could still change acceptance', () => {
    always(({ steps }, { steps: chain }) => {
      for (const { event, now, after, commands } of steps) {
        for (const { of, step, target } of commands.filter(c => c.type === 'attempt')) {
          if (of === undefined) continue;
          expect(cooldownUntil(now, target), 'an opinion is no last resort').toBeLessThanOrEqual(now.at);
          expect(event).toMatchObject({ type: 'attempt-answered', attempt: of });
          expect(after.attempts[of]!.status).toBe('buffered');
          expect(decideAcceptance(chain[step]!, after.attempts[of]!.signals!)).toBeUndefined();
        }
      }
    });
  });

  test('aborts only running attempts', () => {
    always(({ steps }) => {
      const running = new Set<number>();
      for (const { event, commands } of steps) {
        if (event?.type === 'attempt-answered' || event?.type === 'attempt-failed') running.delete(event.attempt);
        for (const command of commands) {
          if (command.type === 'attempt') running.add(command.attempt);
          if (command.type === 'abort') expect(running.delete(command.attempt), `attempt ${command.attempt} runs`).toBe(true);
        }
      }
      expect([...running]).toEqual([]);
    });
  });

  test('sends a declined response only as a last resort, and then the most confident one', () => {
    always(({ state, steps }, { steps: chain, deadlineMs }) => {
      const isMain = ({ attempt }: { readonly attempt: number }): boolean => state.attempts[attempt]!.of === undefined;
      const answers = steps.flatMap(({ event }) => (event?.type === 'attempt-answered' && isMain(event) ? [event] : []));
      const isAccepted = ({ attempt, signals }: (typeof answers)[number]): boolean => {
        const step = chain[state.attempts[attempt]!.step]!;
        return decideAcceptance(step, withScorerSignal(step.scorer, signals)) === true;
      };
      if (state.outcome?.type !== 'answered') return;
      const sent = answers.find(a => a.attempt === (state.outcome as { attempt: number }).attempt)!;
      // Where side calls took place, or were prevented by cooldowns, the responses alone do not determine the choice.
      const isDetermined = ({ attempt, signals }: (typeof answers)[number]): boolean => {
        const step = chain[state.attempts[attempt]!.step]!;
        return decideAcceptance(step, withScorerSignal(step.scorer, signals)) !== undefined;
      };
      if (isAccepted(sent) || !answers.every(isDetermined)) return;
      expect(answers.filter(isAccepted), 'none was accepted').toEqual([]);
      const confidenceIn = (a: (typeof answers)[number]): number =>
        confidenceOf(withScorerSignal(chain[state.attempts[a.attempt]!.step]!.scorer, a.signals)) ?? -1;
      const sureness = answers.map(confidenceIn);
      expect(confidenceIn(sent)).toBe(Math.max(...sureness));
      const { event, now } = steps.at(-1)!;
      const isLate = now.at >= deadlineMs || now.spent?.includes('retry');
      const isHopeless = event?.type === 'attempt-failed' && retryScopeOf(event.failure) === 'never';
      const tried = new Set(state.attempts.map(a => a.step));
      const left = chain.filter(
        ({ target }, i) => !tried.has(i) && cooldownUntil(now, target) <= now.at && isWithin(now, target, state.deadlineAt),
      );
      expect(isLate || isHopeless || left.length === 0, 'no target was left').toBe(true);
    });
  });

  test('retries no target more often than configured, never at once, and only after a retryable failure', () => {
    always(({ state, steps }, { steps: chain }) => {
      for (const [i, { retries }] of chain.entries()) {
        expect(state.attempts.filter(a => a.step === i && a.kind === 'retry').length).toBeLessThanOrEqual(retries);
      }
      for (const { before, now, commands } of steps) {
        for (const { step, kind } of commands.filter(c => c.type === 'attempt')) {
          if (kind !== 'retry') continue;
          const last = before!.attempts.findLast(a => a.step === step)!;
          expect(last.status).toBe('failed');
          expect(
            before!.attempts.some(a => a.step === step && a.status === 'declined'),
            'it has answered already',
          ).toBe(false);
          expect(retryScopeOf(last.failure!)).toBe('same');
          const waited = now.at - failedAt(steps, before!.attempts.indexOf(last));
          expect(waited).toBeGreaterThanOrEqual(Math.max(retryWaitMsMin, last.failure!.retryAfterMs ?? 0) - 1e-6);
          expect(waited).toBeLessThanOrEqual(retryWaitMsMax);
        }
      }
    });
  });

  test('runs one attempt at a time, apart from hedges and side calls', () => {
    always(({ steps }) => {
      for (const { after, commands } of steps) {
        for (const { attempt, kind } of commands.filter(c => c.type === 'attempt')) {
          const beside = after.attempts.filter((a, i) => i !== attempt && a.status === 'running');
          if (kind !== 'hedge' && kind !== 'judge') expect(beside).toEqual([]);
        }
      }
    });
  });

  test('hedges only an attempt without content, once each', () => {
    always(({ steps }, { steps: chain }) => {
      for (const { before, event, commands } of steps) {
        const started = commands.filter(c => c.type === 'attempt' && c.of === undefined) as Extract<RouteCommand, { type: 'attempt' }>[];
        expect(started.length, 'one attempt starts at a time').toBeLessThanOrEqual(1);
        if (started[0]?.kind !== 'hedge') continue;
        expect(event).toMatchObject({ type: 'timer-fired', timer: { type: 'hedge' } });
        const { attempt } = (event as { timer: { attempt: number } }).timer;
        expect(before!.attempts[attempt]).toMatchObject({ status: 'running', opened: false });
        const { step } = before!.attempts[attempt]!;
        if (started[0].step === step) expect(step, 'a target hedges itself only on the last step').toBe(chain.length - 1);
      }
    });
  });

  test('aborts every running attempt and starts none when the caller disconnects', () => {
    fc.assert(
      fc.property(policy, recordings, fc.uuid(), fleet, fc.nat(30), (drawn, recorded, seed, health, when) => {
        const { steps } = traceRoute(drawn, seed, recorded, health);
        const { after, now } = steps[Math.min(when, steps.length - 2)]!;
        const { state, commands } = advance(after, { ...now, type: 'caller-left' });
        const running = after.attempts.flatMap((a, attempt) => (a.status === 'running' ? [{ type: 'abort', attempt }] : []));
        const queued = after.queued ? [{ type: 'unqueue', step: after.queued.step }] : [];
        expect(commands).toEqual([...queued, ...running, { type: 'finish', outcome: state.outcome }]);
        expect(state.outcome).toMatchObject({ type: 'failed', failure: { kind: 'cancelled' } });
      }),
      runs(800),
    );
  });

  test('keeps its invariants for arbitrary events', () => {
    fc.assert(
      fc.property(policy, fc.uuid(), arbitraryEvents, (drawn, seed, events) => {
        const steps = traceSteps(drawn, seed, { at: 0, closed: {} }, events);
        expect(commandsOf(steps, 'finish').length).toBeLessThanOrEqual(1);
        expect(commandsOf(steps, 'commit').length).toBeLessThanOrEqual(1);
        expect(steps.at(-1)!.after.attempts.length).toBeLessThanOrEqual(attemptsMax(drawn));
        for (const { before, after, commands } of steps) {
          for (const { attempt } of commands.filter(c => c.type === 'abort')) expect(before?.attempts[attempt]?.status).toBe('running');
          if (before?.outcome) expect(after).toBe(before);
          if (before?.committed !== undefined) expect(after.committed).toBe(before.committed);
          for (const [i, { status }] of before?.attempts.entries() ?? []) {
            const became = after.attempts[i]!.status;
            const mayChange =
              status === 'running' ||
              (status === 'buffered' && (became === 'declined' || became === 'accepted')) ||
              (status === 'declined' && after.outcome?.type === 'answered' && became === 'accepted');
            if (!mayChange) expect(became, 'an ended attempt keeps its status').toBe(status);
          }
        }
      }),
      runs(3_000),
    );
  });
});

const chainOf = ({ attempts, policy: { steps } }: RouteStepTrace['after']) => attempts.map(attempt => steps[attempt.step]!);

function failedAt(steps: readonly RouteStepTrace[], attempt: number): number {
  const failed = steps.find(
    ({ before, after }) => before?.attempts[attempt]?.status === 'running' && after.attempts[attempt]!.status === 'failed',
  );
  return failed!.now.at;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(Object.freeze(value))) deepFreeze(member);
  return value;
}
