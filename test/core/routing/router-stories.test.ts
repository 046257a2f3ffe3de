/** Routing stories as text: events, and after the arrow the router's decisions. */
import { describe, expect, test } from 'vitest';
import {
  begin,
  type RouteCommand,
  type RouteEvent,
  type RoutePolicy,
  type RouteStep,
  type Timer,
} from '../../../gateway/core/routing/router.ts';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import { initialHealth, type TargetHealth, type TargetHealthMap } from '../../../gateway/core/targets/health.ts';
import type { AttemptBehaviour } from '../../../replay/simulation/simulate-policy.ts';
import { traceRoute } from '../../route-steps.ts';

/** Runs a route and returns its story. Timers are left out, because their effects appear in it. */
function storyOf(
  policy: RoutePolicy,
  behaviours: Readonly<Record<string, readonly AttemptBehaviour[]>>,
  fleet: TargetHealthMap = new Map(),
): string {
  const { steps } = traceRoute(policy, 'a-seed', (target, nth) => behaviours[target]?.[nth], fleet);
  const lines = steps.flatMap(({ event, now, commands }) => {
    const decided = commands.filter(c => c.type !== 'timer').map(decision);
    if (event && decided.length === 0 && event.type !== 'attempt-failed' && event.type !== 'attempt-answered') return [];
    return [
      `${String(Math.round(now.at)).padStart(6)}  ${event ? describeEvent(event) : 'begin'}${decided.length > 0 ? ` -> ${decided.join(', ')}` : ''}`,
    ];
  });
  return `\n${lines.join('\n')}\n`;
}

const letter = (attempt: number): string => 'ABCDEFGH'[attempt]!;

function describeEvent(event: RouteEvent): string {
  switch (event.type) {
    case 'attempt-opened':
      return `${letter(event.attempt)} opened`;
    case 'attempt-answered':
      return `${letter(event.attempt)} answered${event.signals.mean_logprob === undefined ? '' : ` with ${event.signals.mean_logprob}`}`;
    case 'attempt-released':
      return `${letter(event.attempt)} released`;
    case 'attempt-failed':
      return `${letter(event.attempt)} failed: ${event.failure.kind}`;
    case 'timer-fired':
      return timerText(event.timer);
    case 'admitted':
      return 'its turn has come';
    case 'caller-left':
      return 'the caller left';
  }
}

function timerText(timer: Timer): string {
  switch (timer.type) {
    case 'deadline':
      return 'deadline';
    case 'retry':
      return 'time to retry';
    case 'queue':
      return 'queued for too long';
    default:
      return `${timer.type} of ${letter(timer.attempt)}`;
  }
}

function decision(command: RouteCommand): string {
  switch (command.type) {
    case 'attempt':
      return `ask ${command.target} (${letter(command.attempt)}, ${command.kind})`;
    case 'queue':
      return `queue for ${command.target}`;
    case 'unqueue':
      return 'leave the queue';
    case 'abort':
      return `abort ${letter(command.attempt)}`;
    case 'commit':
      return `commit ${letter(command.attempt)}`;
    case 'finish':
      return command.outcome.type === 'answered' ? `answer ${letter(command.outcome.attempt)}` : `fail: ${command.outcome.failure.kind}`;
    case 'timer':
      return '';
  }
}

const step = (target: string, more: Partial<RouteStep> = {}): RouteStep => ({
  target,
  timeoutMs: 5000,
  retries: 0,
  backoffMs: 200,
  ...more,
});
const chain = (steps: readonly RouteStep[], deadlineMs = 60_000): RoutePolicy => ({ name: 'story', deadlineMs, steps });
const fails = (afterMs: number, failure: Partial<Failure> & Pick<Failure, 'kind'>): AttemptBehaviour => ({
  openAfterMs: afterMs,
  endAfterMs: afterMs,
  result: { failure: { message: '', ...failure } },
});
const streams = (openAfterMs: number, endAfterMs: number, sureness?: number): AttemptBehaviour => ({
  openAfterMs,
  endAfterMs,
  result: { signals: sureness === undefined ? {} : { mean_logprob: sureness } },
});
const breaks = (openAfterMs: number, endAfterMs: number, failure: Partial<Failure> & Pick<Failure, 'kind'>): AttemptBehaviour => ({
  openAfterMs,
  endAfterMs,
  result: { failure: { message: '', ...failure } },
});
const closedUntil = (openUntil: number): TargetHealth => ({ ...initialHealth, failures: 5, circuitOpenUntil: openUntil });
const confident = { signal: 'confidence', atLeast: 0.8 } as const;

describe('a story of', () => {
  test('fallback: the first target is unreachable, the second responds', () => {
    const story = storyOf(chain([step('a/x'), step('b/y')]), { 'a/x': [fails(3, { kind: 'unreachable' })], 'b/y': [streams(400, 900)] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
     3  A failed: unreachable -> ask b/y (B, fallback)
   403  B opened -> commit B
   903  B answered -> answer B
`);
  });

  test("retry: without another target, the provider's wait for a rate limit is honoured", () => {
    const story = storyOf(chain([step('a/x', { retries: 1 })]), {
      'a/x': [fails(10, { kind: 'rate-limited', retryAfterMs: 2500 }), streams(300, 800)],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: rate-limited
  2510  time to retry -> ask a/x (B, retry)
  2810  B opened -> commit B
  3310  B answered -> answer B
`);
  });

  test('minimum wait: retry-after 0 still waits', () => {
    const story = storyOf(chain([step('a/x', { retries: 1, backoffMs: 1 })]), {
      'a/x': [fails(10, { kind: 'rate-limited', retryAfterMs: 0 }), streams(50, 90)],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: rate-limited
   110  time to retry -> ask a/x (B, retry)
   160  B opened -> commit B
   200  B answered -> answer B
`);
  });

  test('maximum wait: half a minute or more is not waited for', () => {
    const story = storyOf(chain([step('a/x', { retries: 3 })]), { 'a/x': [fails(10, { kind: 'rate-limited', retryAfterMs: 31_000 })] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: rate-limited -> fail: rate-limited
`);
  });

  test('an invalid request: no other target is called', () => {
    const story = storyOf(chain([step('a/x', { retries: 3 }), step('b/y')]), { 'a/x': [fails(10, { kind: 'invalid-request' })] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: invalid-request -> fail: invalid-request
`);
  });

  test('a refusal that may be the maker’s own: one target of another maker is called, and no more', () => {
    const refused = fails(10, { kind: 'invalid-request', message: "'user': string too long" });
    const steps = [
      step('a/x', { retries: 3, maker: 'a' }),
      step('a2/x', { maker: 'a' }),
      step('b/y', { maker: 'b' }),
      step('c/z', { maker: 'c' }),
    ];
    const story = storyOf(chain(steps), { 'a/x': [refused], 'b/y': [refused] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: invalid-request -> ask b/y (B, fallback)
    20  B failed: invalid-request -> fail: invalid-request
`);
  });

  test('a refusal of the conversation itself: no other maker is called', () => {
    const steps = [step('a/x', { maker: 'a' }), step('b/y', { maker: 'b' })];
    const refused = fails(10, { kind: 'invalid-request', message: "messages with role 'tool' must follow tool_calls: tool_call_id 7" });
    expect(storyOf(chain(steps), { 'a/x': [refused] })).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: invalid-request -> fail: invalid-request
`);
  });

  test('a refused key: another provider is called, and never the same one again', () => {
    const story = storyOf(chain([step('a/x', { retries: 3 }), step('b/y')]), {
      'a/x': [fails(10, { kind: 'authentication' })],
      'b/y': [fails(10, { kind: 'overloaded', shouldRetry: false })],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
    10  A failed: authentication -> ask b/y (B, fallback)
    20  B failed: overloaded -> fail: overloaded
`);
  });

  test('hedge: a slow attempt gets a second one beside it, the loser is aborted', () => {
    const story = storyOf(chain([step('a/x', { hedgeAfterMs: 800 }), step('b/y')]), {
      'a/x': [streams(1500, 4000)],
      'b/y': [streams(300, 700)],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
   800  hedge of A -> ask b/y (B, hedge)
  1100  B opened -> commit B, abort A
  1500  B answered -> answer B
`);
  });

  test('an unneeded hedge: the first attempt shows content first', () => {
    const story = storyOf(chain([step('a/x', { hedgeAfterMs: 800 })]), { 'a/x': [streams(900, 4000), streams(300, 700)] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
   800  hedge of A -> ask a/x (B, hedge)
   900  A opened -> commit A, abort B
  4000  A answered -> answer A
`);
  });

  test('cascade: a response of low confidence is declined, the larger model is called', () => {
    const story = storyOf(chain([step('a/small', { accept: confident }), step('a/large')]), {
      'a/small': [streams(200, 600, 0.55)],
      'a/large': [streams(700, 1900)],
    });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
   600  A answered with 0.55 -> ask a/large (B, escalation)
  1300  B opened -> commit B
  2500  B answered -> answer B
`);
  });

  test('cascade: a confident response is accepted, and only then sent', () => {
    const story = storyOf(chain([step('a/small', { accept: confident }), step('a/large')]), { 'a/small': [streams(200, 600, 0.93)] });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
   600  A answered with 0.93 -> commit A, answer A
`);
  });

  test('cascade: the declined response is sent when the larger model fails', () => {
    const story = storyOf(chain([step('a/small', { accept: confident }), step('a/large')]), {
      'a/small': [streams(200, 600, 0.55)],
      'a/large': [fails(40, { kind: 'overloaded' })],
    });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
   600  A answered with 0.55 -> ask a/large (B, escalation)
   640  B failed: overloaded -> commit A, answer A
`);
  });

  test('timeout: an attempt without content in time is aborted', () => {
    const story = storyOf(chain([step('a/x', { timeoutMs: 1000 }), step('b/y')]), {
      'a/x': [streams(1200, 5000)],
      'b/y': [streams(100, 200)],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
  1000  timeout of A -> abort A, ask b/y (B, fallback)
  1100  B opened -> commit B
  1200  B answered -> answer B
`);
  });

  test('a long response: an attempt with content in time may run on', () => {
    const story = storyOf(chain([step('a/x', { timeoutMs: 1000 }), step('b/y')]), { 'a/x': [streams(900, 30_000)] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
   900  A opened -> commit A
 30000  A answered -> answer A
`);
  });

  test('a slow cascade step: a response that must be judged has to end in time', () => {
    const story = storyOf(chain([step('a/small', { accept: confident, timeoutMs: 1000 }), step('a/large')]), {
      'a/small': [streams(900, 30_000, 0.9)],
      'a/large': [streams(100, 200)],
    });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
  1000  timeout of A -> abort A, ask a/large (B, fallback)
  1100  B opened -> commit B
  1200  B answered -> answer B
`);
  });

  test('no time for a retry: the failure is returned at once, not at the deadline', () => {
    const story = storyOf(chain([step('a/x', { retries: 1 })], 3000), {
      'a/x': [fails(2000, { kind: 'rate-limited', retryAfterMs: 1500 })],
    });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
  2000  A failed: rate-limited -> fail: rate-limited
`);
  });

  test('deadline: a committed stream ends in a failure, and not in another response', () => {
    const story = storyOf(chain([step('a/small', { accept: confident }), step('a/large')], 3000), {
      'a/small': [streams(200, 600, 0.55)],
      'a/large': [streams(700, 9000)],
    });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
   600  A answered with 0.55 -> ask a/large (B, escalation)
  1300  B opened -> commit B
  3000  deadline -> abort B, fail: timeout
`);
  });

  test('deadline: the declined response is sent when the larger model is too slow', () => {
    const story = storyOf(chain([step('a/small', { accept: confident }), step('a/large')], 3000), {
      'a/small': [streams(200, 600, 0.55)],
      'a/large': [streams(2700, 9000)],
    });
    expect(story).toBe(`
     0  begin -> ask a/small (A, primary)
   600  A answered with 0.55 -> ask a/large (B, escalation)
  3000  deadline -> commit A, abort B, answer A
`);
  });

  test('a broken stream: a committed response cannot be replaced', () => {
    const story = storyOf(chain([step('a/x', { retries: 2 }), step('b/y')]), { 'a/x': [breaks(100, 500, { kind: 'truncated' })] });
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
   100  A opened -> commit A
   500  A failed: truncated -> fail: truncated
`);
  });

  test('circuit breaker: a target in cooldown is skipped', () => {
    const closed: TargetHealthMap = new Map([['a/x', closedUntil(10_000)]]);
    const story = storyOf(chain([step('a/x'), step('b/y')]), { 'b/y': [streams(100, 200)] }, closed);
    expect(story).toBe(`
     0  begin -> ask b/y (A, primary)
   100  A opened -> commit A
   200  A answered -> answer A
`);
  });

  test('circuit breaker: when all are cooling down, the one that ends first is called, once', () => {
    const closed: TargetHealthMap = new Map([
      ['a/x', closedUntil(20_000)],
      ['b/y', closedUntil(10_000)],
    ]);
    const story = storyOf(
      chain([step('a/x', { retries: 1 }), step('b/y', { retries: 1 })]),
      { 'a/x': [fails(5, { kind: 'unreachable' })], 'b/y': [fails(5, { kind: 'unreachable' })] },
      closed,
    );
    expect(story).toBe(`
     0  begin -> ask b/y (A, primary)
     5  A failed: unreachable -> ask a/x (B, fallback)
    10  B failed: unreachable -> fail: unreachable
`);
  });

  test('circuit breaker: a target that becomes available during a wait is preferred to the retry', () => {
    const closed: TargetHealthMap = new Map([['b/y', closedUntil(1_000)]]);
    const story = storyOf(
      chain([step('a/x', { retries: 1 }), step('b/y')]),
      { 'a/x': [fails(5, { kind: 'rate-limited', retryAfterMs: 2000 })], 'b/y': [streams(100, 200)] },
      closed,
    );
    expect(story).toBe(`
     0  begin -> ask a/x (A, primary)
     5  A failed: rate-limited
  2005  time to retry -> ask b/y (B, fallback)
  2105  B opened -> commit B
  2205  B answered -> answer B
`);
  });

  test('key cooldown: a provider without a usable key is skipped entirely', () => {
    const closed: TargetHealthMap = new Map([['a', closedUntil(300_000)]]);
    const story = storyOf(chain([step('a/small'), step('a/large'), step('b/y')]), { 'b/y': [streams(100, 200)] }, closed);
    expect(story).toBe(`
     0  begin -> ask b/y (A, primary)
   100  A opened -> commit A
   200  A answered -> answer A
`);
  });
});

test('a request that waited past its deadline ends at once, without a call', () => {
  const policy: RoutePolicy = { name: 'late', deadlineMs: 100, steps: [{ target: 'a/m', timeoutMs: 50, retries: 0, backoffMs: 100 }] };
  expect(begin(policy, 'seed', { at: 150, closed: {} }, 50).commands).toEqual([
    { type: 'finish', outcome: { type: 'failed', failure: expect.objectContaining({ kind: 'timeout' }) } },
  ]);
  expect(begin(policy, 'seed', { at: 140, closed: {} }, 50).state.deadlineAt).toBe(150);
});
