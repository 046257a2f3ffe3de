/** What the router does about a stream that breaks: held back it is replaced unseen, read it is told, begun anew, or gone on with. */
import { describe, expect, test } from 'vitest';
import type { OnBreak, RouteEvent, RoutePolicy, RouteState, Transition } from '../../../gateway/core/routing/contract.ts';
import { advance, begin } from '../../../gateway/core/routing/router.ts';

const policyOf = (onBreak: OnBreak | undefined, prefills: readonly boolean[] = [false, false]): RoutePolicy => ({
  name: 'r',
  deadlineMs: 60_000,
  ...(onBreak ? { onBreak } : {}),
  steps: prefills.map((can, i) => ({
    target: `p${i}/m`,
    timeoutMs: 10_000,
    retries: 0,
    backoffMs: 100,
    ...(can ? { prefills: can } : {}),
  })),
});

const cut = { kind: 'truncated', message: 'cut' } as const;
type Happening = RouteEvent extends infer Event ? (Event extends RouteEvent ? Omit<Event, 'at' | 'closed'> : never) : never;

/** What is commanded by each of these in turn, timers but for those that hold left out. */
function told(
  policy: RoutePolicy,
  happenings: readonly Happening[],
): { readonly state: RouteState; readonly commands: readonly string[][] } {
  const words = ({ commands }: Transition): string[] =>
    commands.flatMap(command => {
      if (command.type === 'timer') return command.timer.type === 'hold' ? [`hold until ${command.at}`] : [];
      if (command.type === 'attempt') return [`ask ${command.target}`];
      return [command.type === 'finish' ? command.outcome.type : `${command.type} ${'attempt' in command ? command.attempt : ''}`];
    });
  let transition = begin(policy, 'seed', { at: 0, closed: {} });
  const commands = [words(transition)];
  for (const [i, happening] of happenings.entries()) {
    transition = advance(transition.state, { at: i + 1, closed: {}, ...happening } as RouteEvent);
    commands.push(words(transition));
  }
  return { state: transition.state, commands };
}

const opened = (attempt: number): Happening => ({ type: 'attempt-opened', attempt });
const failed = (attempt: number, continuable = false): Happening => ({
  type: 'attempt-failed',
  attempt,
  failure: cut,
  ...(continuable ? { continuable } : {}),
});
const answered = (attempt: number): Happening => ({ type: 'attempt-answered', attempt, signals: {} });

describe('a stream that breaks', () => {
  test('is told to a caller who was reading it', () => {
    expect(told(policyOf(undefined), [opened(0), failed(0)]).commands).toEqual([['ask p0/m'], ['commit 0'], ['failed']]);
  });

  test('is replaced unseen while it is held back', () => {
    const hold: OnBreak = { type: 'hold', ms: 300 };
    expect(told(policyOf(hold), [opened(0), failed(0), opened(1), answered(1)]).commands).toEqual([
      ['ask p0/m'],
      ['hold until 301'],
      ['ask p1/m'],
      ['hold until 303'],
      ['commit 1', 'answered'],
    ]);
  });

  test.each<[string, Happening]>([
    ['enough was said', { type: 'attempt-released', attempt: 0 }],
    ['its time is over', { type: 'timer-fired', timer: { type: 'hold', attempt: 0 } }],
  ])('is told to the caller once %s', (_, released) => {
    expect(told(policyOf({ type: 'hold', tokens: 3, ms: 300 }), [opened(0), released, failed(0)]).commands.slice(2)).toEqual([
      ['commit 0'],
      ['failed'],
    ]);
  });

  test('is begun anew, and again, as long as there are targets', () => {
    const { commands, state } = told(policyOf({ type: 'restart' }, [false, false, false]), [
      opened(0),
      failed(0),
      opened(1),
      failed(1),
      failed(2),
    ]);
    expect(commands).toEqual([['ask p0/m'], ['commit 0'], ['ask p1/m'], ['commit 1'], ['ask p2/m'], ['failed']]);
    expect(state.committed).toBe(1);
  });

  test('is gone on with by the targets that can, and only if it may be', () => {
    const able = policyOf({ type: 'continue' }, [false, false, true]);
    expect(told(able, [opened(0), failed(0, true), opened(1), answered(1)]).commands).toEqual([
      ['ask p0/m'],
      ['commit 0'],
      ['ask p2/m'],
      ['commit 1'],
      ['answered'],
    ]);
    expect(told(able, [opened(0), failed(0)]).commands.at(-1)).toEqual(['failed']);
    expect(told(policyOf({ type: 'continue' }), [opened(0), failed(0, true)]).commands.at(-1)).toEqual(['failed']);
  });

  test('before it was read is replaced by any target, whatever the route says', () => {
    expect(told(policyOf({ type: 'continue' }), [failed(0)]).commands).toEqual([['ask p0/m'], ['ask p1/m']]);
  });

  test('is the end when its failure forbids to ask again', () => {
    const never: Happening = { type: 'attempt-failed', attempt: 0, failure: { kind: 'internal', message: 'ours' }, continuable: true };
    expect(told(policyOf({ type: 'restart' }), [opened(0), never]).commands.at(-1)).toEqual(['failed']);
  });
});
