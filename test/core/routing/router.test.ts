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

/** Tries a rule on random policies, outcomes and fleets. */
const always = (rule: (routed: RouteTrace, policy: RoutePolicy, seed: string) => void, numRuns = 1_500, policies = policy): void =>
  fc.assert(
    fc.property(policies, recordings, fc.uuid(), fleet, targetView, (drawn, recorded, seed, health, seen) => {
      rule(traceRoute(drawn, seed, recorded, health, seen), drawn, seed);
    }),
    runs(numRuns),
  );

const commandsOf = <T extends RouteCommand['type']>(steps: readonly RouteStepTrace[], type: T) =>
  steps.flatMap(step => step.commands.filter((c): c is Extract<RouteCommand, { type: T }> => c.type === type));

/** Each step may be asked once and retried; on the last one, each of these may have another beside it. */
const askedMax = ({ steps }: RoutePolicy): number => steps.reduce((sum, s) => sum + 1 + s.retries, 0) + 1 + steps.at(-1)!.retries;
/** And each may have calls on its side. */
const attemptsMax = (drawn: RoutePolicy): number =>
  askedMax(drawn) * Math.max(...drawn.steps.map(s => (s.samples ?? 1) + (s.judge === undefined ? 0 : 1)));

/** Lets a call in, at once or after a wait that somebody might bear. */
const isWithin = (now: RoutingInput, target: string, deadlineAt: number): boolean => {
  const waitMs = Math.max(0, rateLimitedUntil(now, target) - now.at);
  return waitMs <= retryWaitMsMax && now.at + waitMs < deadlineAt;
};

describe('the router', { timeout: longTimeout }, () => {
  test('finishes once, by the deadline, within its attempts, and leaves nothing running', () => {
    always(
      ({ state, endedAt, steps }, drawn) => {
        expect(state.outcome).toBeDefined();
        expect(commandsOf(steps, 'finish')).toHaveLength(1);
        expect(steps.at(-1)!.commands.at(-1)).toEqual({ type: 'finish', outcome: state.outcome });
        expect(endedAt).toBeLessThanOrEqual(drawn.deadlineMs);
        expect(state.attempts.length).toBeLessThanOrEqual(attemptsMax(drawn));
        expect(state.attempts.filter(a => a.of === undefined).length).toBeLessThanOrEqual(askedMax(drawn));
        expect(state.attempts.filter(a => a.status === 'running' || a.status === 'buffered')).toEqual([]);
      },
      2_000,
      anyPolicy,
    );
  });

  test('is silent after it finished, whatever still happens', () => {
    fc.assert(
      fc.property(policy, recordings, fc.uuid(), arbitraryEvents, (drawn, recorded, seed, later) => {
        const { state, events } = traceRoute(drawn, seed, recorded);
        for (const event of [...events, ...later]) expect(advance(state, event)).toEqual({ state, commands: [] });
      }),
      runs(800),
    );
  });

  test('is its log: the same events folded again give the same state and the same commands', () => {
    always(
      ({ state, events, steps }, drawn, seed) => {
        const copied = structuredClone(events);
        const again = traceSteps(structuredClone(drawn), seed, structuredClone(steps[0]!.now), copied);
        expect(again.at(-1)!.after).toEqual(state);
        expect(again.map(s => s.commands)).toEqual(steps.map(s => s.commands));
      },
      1_500,
      anyPolicy,
    );
  });

  test('never changes a state that it gave', () => {
    always(({ steps }) => {
      for (const { before, event } of steps) {
        if (!before || !event) continue;
        const frozen = deepFreeze(structuredClone(before));
        advance(frozen, event);
        expect(frozen).toEqual(before);
      }
    }, 300);
  });

  test('commits at most once, and answers only with what it committed to', () => {
    always(({ state, steps }) => {
      const commits = commandsOf(steps, 'commit');
      expect(commits.length).toBeLessThanOrEqual(1);
      expect(state.committed).toBe(commits[0]?.attempt);
      if (state.outcome?.type === 'answered') expect(state.outcome.attempt).toBe(state.committed);
    });
  });

  test('never lets the caller read attempt A and get the end of B', () => {
    always(({ steps }) => {
      let reading: number | undefined;
      for (const { commands } of steps) {
        for (const command of commands) {
          if (command.type === 'attempt') expect(reading, 'nothing is asked once the caller reads').toBeUndefined();
          if (command.type === 'commit') reading = command.attempt;
          if (command.type === 'finish' && command.outcome.type === 'answered') expect(command.outcome.attempt).toBe(reading);
          if (command.type === 'abort' && command.attempt === reading) expect(commands.at(-1)!.type).toBe('finish');
        }
      }
    });
  });

  test('puts another attempt in the place of one that the caller reads only where the route mends, and that one has failed', () => {
    always(
      ({ state, steps }, { onBreak }) => {
        let reading: number | undefined;
        for (const { before, event, after, commands } of steps) {
          for (const command of commands) {
            const isBroken = reading !== undefined && after.attempts[reading]!.status === 'failed';
            if (command.type === 'attempt' && reading !== undefined) expect(isBroken, 'nothing is asked beside what is read').toBe(true);
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

  test('tells the caller of an answer whose beginning it read, or of a failure, and of nothing in between', () => {
    always(({ state, steps }) => {
      const opened = steps.some(({ event, before }) => event?.type === 'attempt-opened' && event.attempt === before?.committed);
      if (opened && state.outcome?.type === 'answered') expect(state.attempts[state.committed!]!.status).toBe('accepted');
      if (state.outcome?.type === 'failed' && state.committed !== undefined) {
        expect(['failed', 'aborted']).toContain(state.attempts[state.committed]!.status);
      }
    });
  });

  test('asks a closed target only when no open one is left untried', () => {
    always(({ steps, state: { deadlineAt } }, { steps: chain }) => {
      for (const { before, now, commands } of steps) {
        const tried = new Set(before?.attempts.map(a => a.step));
        const isOpen = (target: string): boolean => cooldownUntil(now, target) <= now.at && isWithin(now, target, deadlineAt);
        const open = chain.some(({ target }, i) => !tried.has(i) && isOpen(target));
        for (const { target, kind, of } of commands.filter(c => c.type === 'attempt')) {
          if (cooldownUntil(now, target) <= now.at || of !== undefined) continue;
          expect(open, `${target} is closed`).toBe(false);
          expect(['retry', 'hedge'], 'a closed target is asked once at most').not.toContain(kind);
          expect(before?.attempts.some(a => a.status === 'declined') ?? false, 'a declined answer is at hand').toBe(false);
        }
      }
    });
  });

  test('gives up without having asked anybody only where no target lets a call in for too long, and says how long', () => {
    always(({ state, steps }, { steps: chain }) => {
      if (state.attempts.length > 0) return;
      const { now } = steps.at(-1)!;
      expect(chain.some(({ target }) => isWithin(now, target, state.deadlineAt) && rateLimitedUntil(now, target) <= now.at)).toBe(false);
      expect(state.outcome).toMatchObject({ type: 'failed', failure: { kind: now.at < state.deadlineAt ? 'rate-limited' : 'timeout' } });
      if (now.at < state.deadlineAt) expect((state.outcome as { failure: Failure }).failure.retryAfterMs).toBeGreaterThan(0);
    }, 3_000);
  });

  test('asks a target whose limit is used up only when its turn has come, and leaves the queue when it ends', () => {
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

  test('makes no retry, no fallback and no hedge while the allowance is spent', () => {
    always(({ steps }) => {
      for (const { now, commands } of steps) {
        for (const { kind } of commands.filter(c => c.type === 'attempt')) {
          if (now.spent?.includes('hedge')) expect(kind).not.toBe('hedge');
          if (now.spent?.includes('retry')) expect(['retry', 'fallback']).not.toContain(kind);
        }
      }
    });
  });

  test('asks on the side of an answer only while that could still tip whether it is taken', () => {
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

  test('aborts only what is running', () => {
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

  test('gives a declined answer only when there is nothing better, and then the surest', () => {
    always(({ state, steps }, { steps: chain, deadlineMs }) => {
      const isMain = ({ attempt }: { readonly attempt: number }): boolean => state.attempts[attempt]!.of === undefined;
      const answers = steps.flatMap(({ event }) => (event?.type === 'attempt-answered' && isMain(event) ? [event] : []));
      const isAccepted = ({ attempt, signals }: (typeof answers)[number]): boolean => {
        const step = chain[state.attempts[attempt]!.step]!;
        return decideAcceptance(step, withScorerSignal(step.scorer, signals)) === true;
      };
      if (state.outcome?.type !== 'answered') return;
      const given = answers.find(a => a.attempt === (state.outcome as { attempt: number }).attempt)!;
      // Where somebody was asked of it, or would have been had anybody taken calls, it cannot be told from the answers alone.
      const isTold = ({ attempt, signals }: (typeof answers)[number]): boolean => {
        const step = chain[state.attempts[attempt]!.step]!;
        return decideAcceptance(step, withScorerSignal(step.scorer, signals)) !== undefined;
      };
      if (isAccepted(given) || !answers.every(isTold)) return;
      expect(answers.filter(isAccepted), 'none was accepted').toEqual([]);
      const confidenceIn = (a: (typeof answers)[number]): number =>
        confidenceOf(withScorerSignal(chain[state.attempts[a.attempt]!.step]!.scorer, a.signals)) ?? -1;
      const sureness = answers.map(confidenceIn);
      expect(confidenceIn(given)).toBe(Math.max(...sureness));
      const { event, now } = steps.at(-1)!;
      const isLate = now.at >= deadlineMs || now.spent?.includes('retry');
      const isHopeless = event?.type === 'attempt-failed' && retryScopeOf(event.failure) === 'never';
      const tried = new Set(state.attempts.map(a => a.step));
      const left = chain.filter(
        ({ target }, i) => !tried.has(i) && cooldownUntil(now, target) <= now.at && isWithin(now, target, state.deadlineAt),
      );
      expect(isLate || isHopeless || left.length === 0, 'nobody was left to ask').toBe(true);
    });
  });

  test('retries no target more often than configured, never at once, and only what failed for a passing reason', () => {
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

  test('has one attempt under way at a time, but for hedges and what is asked on the side', () => {
    always(({ steps }) => {
      for (const { after, commands } of steps) {
        for (const { attempt, kind } of commands.filter(c => c.type === 'attempt')) {
          const beside = after.attempts.filter((a, i) => i !== attempt && a.status === 'running');
          if (kind !== 'hedge' && kind !== 'judge') expect(beside).toEqual([]);
        }
      }
    });
  });

  test('hedges only beside a silent attempt, once for each', () => {
    always(({ steps }, { steps: chain }) => {
      for (const { before, event, commands } of steps) {
        const started = commands.filter(c => c.type === 'attempt' && c.of === undefined) as Extract<RouteCommand, { type: 'attempt' }>[];
        expect(started.length, 'one attempt is started at a time').toBeLessThanOrEqual(1);
        if (started[0]?.kind !== 'hedge') continue;
        expect(event).toMatchObject({ type: 'timer-fired', timer: { type: 'hedge' } });
        const { attempt } = (event as { timer: { attempt: number } }).timer;
        expect(before!.attempts[attempt]).toMatchObject({ status: 'running', opened: false });
        const { step } = before!.attempts[attempt]!;
        if (started[0].step === step) expect(step, 'beside itself only on the last step').toBe(chain.length - 1);
      }
    });
  });

  test('when the caller leaves, everything under way is aborted and nothing is started', () => {
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

  test('keeps its promises even to a driver that reports nonsense', () => {
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
            if (!mayChange) expect(became, 'what is over stays as it ended').toBe(status);
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
