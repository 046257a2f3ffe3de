/** Recovery of broken streams: replaced unseen while buffered, failed once sent, restarted, or continued. */
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
type TimelessEvent = RouteEvent extends infer Event ? (Event extends RouteEvent ? Omit<Event, 'at' | 'closed'> : never) : never;

/** The commands after each of these events, without timers other than `hold`. */
function commandsAfter(
  policy: RoutePolicy,
  happenings: readonly TimelessEvent[],
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

const opened = (attempt: number): TimelessEvent => ({ type: 'attempt-opened', attempt });
const failed = (attempt: number, continuable = false): TimelessEvent => ({
  type: 'attempt-failed',
  attempt,
  failure: cut,
  ...(continuable ? { continuable } : {}),
});
const answered = (attempt: number): TimelessEvent => ({ type: 'attempt-answered', attempt, signals: {} });

describe('a stream that breaks', () => {
  test('fails for a caller who was reading it', () => {
    expect(commandsAfter(policyOf(undefined), [opened(0), failed(0)]).commands).toEqual([['ask p0/m'], ['commit 0'], ['failed']]);
  });

  test('is replaced unseen while it is buffered', () => {
    const hold: OnBreak = { type: 'hold', ms: 300 };
    expect(commandsAfter(policyOf(hold), [opened(0), failed(0), opened(1), answered(1)]).commands).toEqual([
      ['ask p0/m'],
      ['hold until 301'],
      ['ask p1/m'],
      ['hold until 303'],
      ['commit 1', 'answered'],
    ]);
  });

  test.each<[string, TimelessEvent]>([
    ['enough was said', { type: 'attempt-released', attempt: 0 }],
    ['its time is over', { type: 'timer-fired', timer: { type: 'hold', attempt: 0 } }],
  ])('fails for the caller once %s', (_, released) => {
    expect(commandsAfter(policyOf({ type: 'hold', tokens: 3, ms: 300 }), [opened(0), released, failed(0)]).commands.slice(2)).toEqual([
      ['commit 0'],
      ['failed'],
    ]);
  });

  test('is restarted as long as there are targets', () => {
    const { commands, state } = commandsAfter(policyOf({ type: 'restart' }, [false, false, false]), [
      opened(0),
      failed(0),
      opened(1),
      failed(1),
      failed(2),
    ]);
    expect(commands).toEqual([['ask p0/m'], ['commit 0'], ['ask p1/m'], ['commit 1'], ['ask p2/m'], ['failed']]);
    expect(state.committed).toBe(1);
  });

  test('is continued by targets with prefill, and only when it is continuable', () => {
    const able = policyOf({ type: 'continue' }, [false, false, true]);
    expect(commandsAfter(able, [opened(0), failed(0, true), opened(1), answered(1)]).commands).toEqual([
      ['ask p0/m'],
      ['commit 0'],
      ['ask p2/m'],
      ['commit 1'],
      ['answered'],
    ]);
    expect(commandsAfter(able, [opened(0), failed(0)]).commands.at(-1)).toEqual(['failed']);
    expect(commandsAfter(policyOf({ type: 'continue' }), [opened(0), failed(0, true)]).commands.at(-1)).toEqual(['failed']);
  });

  test('is replaced by any target before commit, whatever the route says', () => {
    expect(commandsAfter(policyOf({ type: 'continue' }), [failed(0)]).commands).toEqual([['ask p0/m'], ['ask p1/m']]);
  });

  test('ends the request when its failure forbids a retry', () => {
    const never: TimelessEvent = { type: 'attempt-failed', attempt: 0, failure: { kind: 'internal', message: 'ours' }, continuable: true };
    expect(commandsAfter(policyOf({ type: 'restart' }), [opened(0), never]).commands.at(-1)).toEqual(['failed']);
  });
});
