import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Recorded, type Recordings, simulate } from '../../eval/simulate.ts';
import { closedAt, type Fleet } from '../../gateway/core/fleet.ts';
import type { RoutePolicy, Sight } from '../../gateway/core/route.ts';
import type { Cancel } from '../../gateway/core/time.ts';
import { type DriveLog, drive } from '../../gateway/drive.ts';
import { anyPolicy, fleet, recordings, sight } from '../arbitraries.ts';
import { longTimeout, runs } from '../runs.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** Drives a policy under a virtual clock, against targets that do what was recorded of them. */
function driven(
  policy: RoutePolicy,
  seed: string,
  recordings: Recordings,
  fleet: Fleet,
  startAt: number,
  seen: Omit<Sight, 'closed'>,
): DriveLog & { readonly endedAt: number } {
  const clock = new VirtualClock(startAt);
  const tries = new Map<string, number>();
  let ended: (DriveLog & { readonly endedAt: number }) | undefined;
  drive(policy, seed, {
    clock,
    closed: at => closedAt(fleet, at),
    look: () => seen,
    queue: (target, admitted) => clock.at(Math.max(clock.now(), seen.waits?.[target] ?? 0), admitted),
    attempt: ({ target }, report) => {
      const nth = tries.get(target) ?? 0;
      tries.set(target, nth + 1);
      const { openAfterMs, releaseAfterMs = -1, endAfterMs, result, continuable } = recordings(target, nth)!;
      const end = (): void => ('failure' in result ? report.failed(result.failure, continuable) : report.answered(result.signals));
      const doing: Cancel[] = [];
      const after = (ms: number, happens: () => void): number => doing.push(clock.at(clock.now() + ms, happens));
      if (openAfterMs < endAfterMs) after(openAfterMs, report.opened);
      if (releaseAfterMs >= openAfterMs && releaseAfterMs < endAfterMs) after(releaseAfterMs, report.released);
      after(endAfterMs, end);
      return () => {
        for (const cancel of doing) cancel();
      };
    },
    commit: () => {},
    finish: (_, log) => {
      ended = { ...log, endedAt: clock.now() };
    },
  });
  clock.run();
  return ended!;
}

describe('simulate', { timeout: longTimeout }, () => {
  test('agrees with the driven router under a virtual clock: the same events, the same state, the same end', () => {
    fc.assert(
      fc.property(anyPolicy, recordings, fc.uuid(), fleet, fc.nat(3000), sight, (drawn, recorded, seed, health, startAt, seen) => {
        const simulated = simulate(drawn, seed, recorded, health, startAt, seen);
        expect(simulated).toEqual({ supported: true, ...driven(drawn, seed, recorded, health, startAt, seen) });
      }),
      runs(2_500),
    );
  });

  test('leaves nothing scheduled when the drive has finished, but what its targets still do', () => {
    const clock = new VirtualClock();
    const quick: RoutePolicy = {
      name: 'quick',
      deadlineMs: 1000,
      steps: [{ target: 'a/small', timeoutMs: 500, retries: 0, backoffMs: 1, hedgeAfterMs: 300 }],
    };
    drive(quick, 'seed', {
      clock,
      closed: () => ({}),
      attempt: (_, report) => {
        clock.at(clock.now() + 10, () => report.answered({}));
        return () => {};
      },
      commit: () => {},
      finish: () => {},
    });
    expect(clock.waiting).toBe(4);
    clock.step();
    expect(clock.waiting).toBe(0);
  });

  test('says which target nobody has recorded, and guesses nothing', () => {
    const chain: RoutePolicy = {
      name: 'chain',
      deadlineMs: 9000,
      steps: ['a/small', 'b/middle'].map(target => ({ target, timeoutMs: 1000, retries: 0, backoffMs: 1 })),
    };
    const refused: Recorded = { openAfterMs: 5, endAfterMs: 5, result: { failure: { kind: 'overloaded', message: '' } } };
    expect(simulate(chain, 'seed', target => (target === 'a/small' ? refused : undefined))).toEqual({
      supported: false,
      target: 'b/middle',
    });
  });

  test('finds the nth behaviour of a target at its nth try', () => {
    const asked: (readonly [string, number])[] = [];
    const again: RoutePolicy = {
      name: 'again',
      deadlineMs: 9000,
      steps: [{ target: 'a/small', timeoutMs: 1000, retries: 2, backoffMs: 1 }],
    };
    simulate(again, 'seed', (target, nth) => {
      asked.push([target, nth]);
      return { openAfterMs: 5, endAfterMs: 5, result: { failure: { kind: 'overloaded', message: '' } } };
    });
    expect(asked).toEqual([
      ['a/small', 0],
      ['a/small', 1],
      ['a/small', 2],
    ]);
  });
});
