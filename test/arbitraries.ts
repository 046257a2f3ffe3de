/** Arbitrary policies, fleets and outcomes; chat requests, answers and their streams. Small on purpose: what breaks, breaks small. */
import fc from 'fast-check';
import type {
  ChatRequest,
  ChatResponse,
  Choice,
  Message,
  Part,
  StreamEvent,
  TokenLogprob,
  Tool,
  Usage,
} from '../gateway/core/chat/chat.ts';
import { eventsOf } from '../gateway/core/chat/collect.ts';
import type { OnBreak, RouteEvent, RoutePolicy, RouteStep, TargetView, Timer } from '../gateway/core/routing/router.ts';
import type { Failure, FailureKind } from '../gateway/core/shared/failure.ts';
import type { Signals } from '../gateway/core/signals/names.ts';
import type { Scorer } from '../gateway/core/signals/scorer.ts';
import type { AcceptRule } from '../gateway/core/signals/signal.ts';
import { initialHealth, type TargetHealthMap } from '../gateway/core/targets/health.ts';
import type { AttemptBehaviour, AttemptBehaviours } from '../replay/simulation/simulate-policy.ts';

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Without the members that are undefined: an absent one and an undefined one are two things. */
const defined = <T extends object>(object: T): T => Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as T;

// Routing

/** `a` has two models, so that its whole account can be closed. */
export const targets = ['a/small', 'b/middle', 'a/large', 'c/huge'] as const;
const kinds: readonly FailureKind[] = [
  'unreachable',
  'timeout',
  'rate-limited',
  'overloaded',
  'server-error',
  'truncated',
  'invalid-response',
  'invalid-request',
  'context-exceeded',
  'authentication',
  'not-found',
];

const unit = fc.double({ min: 0, max: 1, noNaN: true });
export const signals: fc.Arbitrary<Signals> = fc
  .record({
    mean_logprob: optional(unit),
    margin: optional(unit),
    schema_valid: optional(fc.constantFrom(0, 1)),
    agreement: fc.option(fc.constantFrom(0, 1), { nil: undefined, freq: 4 }),
    judge: fc.option(unit, { nil: undefined, freq: 4 }),
  })
  .map(drawn => defined(drawn) as Signals);

export const accept: fc.Arbitrary<AcceptRule> = fc.letrec<{ accept: AcceptRule; one: AcceptRule }>(tie => ({
  one: fc.record({ signal: fc.constantFrom('confidence', 'margin', 'schema_valid', 'agreement', 'judge', 'scorer'), atLeast: unit }),
  accept: fc.oneof(
    { maxDepth: 2 },
    tie('one'),
    fc.record({ all: fc.array(tie('accept'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ any: fc.array(tie('accept'), { minLength: 1, maxLength: 2 }) }),
  ),
})).accept;

export const failure: fc.Arbitrary<Failure> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    message: fc.constant('as drawn'),
    retryAfterMs: optional(fc.constantFrom(0, 1, 700, 20_000, 1e12)),
    shouldRetry: fc.option(fc.boolean(), { nil: undefined, freq: 8 }),
  })
  .map(drawn => defined(drawn) as Failure);

const scorer: Scorer = {
  type: 'logistic',
  features: [
    { signal: 'mean_logprob', weight: 2, mean: 0.6, scale: 0.2 },
    { signal: 'judge', weight: 1, mean: 0.5 },
  ],
  intercept: 0.1,
};

const step: fc.Arbitrary<RouteStep> = fc
  .record({
    target: fc.constantFrom(...targets),
    timeoutMs: fc.integer({ min: 50, max: 4000 }),
    accept: optional(accept),
    retries: fc.nat(2),
    backoffMs: fc.integer({ min: 1, max: 400 }),
    hedgeAfterMs: optional(fc.integer({ min: 20, max: 1500 })),
    samples: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 3 }),
    judge: fc.option(fc.constantFrom(...targets), { nil: undefined, freq: 3 }),
    scorer: fc.option(fc.constant(scorer), { nil: undefined, freq: 3 }),
    prefills: optional(fc.boolean()),
  })
  .map(drawn => defined(drawn) as RouteStep);

const bufferPolicies: fc.Arbitrary<OnBreak> = fc
  .record({ tokens: optional(fc.constantFrom(1, 40)), ms: optional(fc.integer({ min: 1, max: 2000 })) })
  .map(drawn => defined({ type: 'hold', ...drawn }) as OnBreak);
const recoveries: fc.Arbitrary<OnBreak> = fc.constantFrom({ type: 'restart' }, { type: 'continue' });

const policyWith = (onBreak: fc.Arbitrary<OnBreak | undefined>): fc.Arbitrary<RoutePolicy> =>
  fc
    .record({
      name: fc.constant('drawn'),
      deadlineMs: fc.integer({ min: 100, max: 12_000 }),
      steps: fc.array(step, { minLength: 1, maxLength: 4 }),
      queueForMs: fc.constantFrom(0, 50, 2000),
      onBreak,
    })
    .map(drawn => defined(drawn) as RoutePolicy);

/** A target may stand in several steps. Once its caller reads an answer, nothing takes its place. */
export const policy: fc.Arbitrary<RoutePolicy> = policyWith(fc.option(bufferPolicies, { nil: undefined, freq: 2 }));
/** Streams that break under their reader are begun anew, or gone on with. */
export const recoveringPolicy: fc.Arbitrary<RoutePolicy> = policyWith(recoveries);
export const anyPolicy: fc.Arbitrary<RoutePolicy> = fc.oneof({ weight: 2, arbitrary: policy }, { weight: 1, arbitrary: recoveringPolicy });

/** Limits that are used up for a while, one of them for longer than anybody waits; and extra calls that are refused. */
export const targetView: fc.Arbitrary<Omit<TargetView, 'closed'>> = fc.record(
  {
    waits: fc.dictionary(fc.constantFrom(...targets), fc.oneof(fc.integer({ min: 0, max: 9000 }), fc.constant(60_000))),
    spent: fc.subarray(['retry', 'hedge'] as const),
  },
  { requiredKeys: [] },
);

/** Targets and whole accounts, closed for a while by the breaker or by their own wish. */
export const fleet: fc.Arbitrary<TargetHealthMap> = fc
  .dictionary(
    fc.constantFrom(...targets, 'a', 'b'),
    fc.record({
      failures: fc.nat(9),
      openUntil: fc.integer({ min: 0, max: 5000 }),
      coolingUntil: fc.integer({ min: 0, max: 3000 }),
      inFlight: fc.nat(3),
    }),
  )
  .map(drawn => new Map(Object.entries(drawn).map(([target, health]) => [target, { ...initialHealth, ...health }])));

export const recorded: fc.Arbitrary<AttemptBehaviour> = fc
  .record({
    openAfterMs: fc.integer({ min: 1, max: 1200 }),
    moreMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 })),
    saidMs: optional(fc.integer({ min: 0, max: 1500 })),
    continuable: optional(fc.boolean()),
    result: fc.oneof(fc.record({ signals }), fc.record({ failure })),
  })
  .map(
    ({ openAfterMs, moreMs, saidMs, continuable, result }) =>
      defined({
        openAfterMs,
        endAfterMs: openAfterMs + moreMs,
        releaseAfterMs: saidMs === undefined ? undefined : openAfterMs + saidMs,
        continuable,
        result,
      }) as AttemptBehaviour,
  );

/** Every target has a few behaviours, of which the nth try finds the nth. */
export const recordings: fc.Arbitrary<AttemptBehaviours> = fc
  .tuple(...targets.map(() => fc.array(recorded, { minLength: 1, maxLength: 4 })))
  .map(rows => (target, nth) => {
    const row = rows[targets.indexOf(target as (typeof targets)[number])]!;
    return row[nth % row.length];
  });

const attemptNumber = fc.nat(9);
const timer: fc.Arbitrary<Timer> = fc.oneof(
  fc.record({ type: fc.constant('deadline' as const) }),
  fc.record({ type: fc.constantFrom('timeout' as const, 'hedge' as const, 'hold' as const), attempt: attemptNumber }),
  fc.record({ type: fc.constantFrom('retry' as const, 'queue' as const), step: fc.nat(4) }),
);
const routeEventBody = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('attempt-opened' as const), attempt: attemptNumber }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('attempt-answered' as const), attempt: attemptNumber, signals }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('attempt-failed' as const), attempt: attemptNumber, failure }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('timer-fired' as const), timer }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('attempt-released' as const), attempt: attemptNumber }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('admitted' as const), step: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('caller-left' as const) }) },
);
const closed = fc.dictionary(fc.constantFrom(...targets, 'a', 'b'), fc.integer({ min: 0, max: 6000 }));

/** Events in no sensible order, twice, about attempts that never were: what a mistaken driver might report. */
export const arbitraryEvents: fc.Arbitrary<readonly RouteEvent[]> = fc
  .array(fc.tuple(fc.nat(800), closed, targetView, routeEventBody), { maxLength: 25 })
  .map(drawn => {
    let at = 0;
    return drawn.map(([after, closed, seen, event]) => {
      at += after;
      return { ...event, at, closed, ...seen } as RouteEvent;
    });
  });

// Conversations

const words = fc.string({ unit: 'grapheme', maxLength: 24 });
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,11}$/);
const jsonObject = fc.dictionary(name, fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null)), {
  maxKeys: 3,
  noNullPrototype: true,
});

const textPart = words.map((text): Part => ({ type: 'text', text }));
const imagePart = fc.constantFrom<Part>(
  { type: 'image', source: { type: 'url', url: 'https://images.example/cat.png' }, detail: 'low' },
  { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'iVBORw0KGgo=' } },
);
const callPart = fc
  .record({ id: name, name, arguments: jsonObject.map(value => JSON.stringify(value)) })
  .map((call): Part => ({ type: 'tool-call', ...call }));

const turn: fc.Arbitrary<readonly Message[]> = fc.oneof(
  fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 3 }).map(content => [{ role: 'user' as const, content }]),
  fc.array(textPart, { minLength: 1, maxLength: 2 }).map(content => [{ role: 'assistant' as const, content }]),
  fc.tuple(callPart, words).map(([call, result]): readonly Message[] => [
    { role: 'assistant', content: [call] },
    {
      role: 'tool',
      content: [{ type: 'tool-result', id: (call as Part & { type: 'tool-call' }).id, content: [{ type: 'text', text: result }] }],
    },
  ]),
);

const tool: fc.Arbitrary<Tool> = fc
  .record({
    name,
    description: optional(words),
    parameters: optional(fc.constant({ type: 'object', properties: { x: { type: 'string' } } })),
  })
  .map(drawn => defined(drawn) as Tool);

export const chatRequest: fc.Arbitrary<ChatRequest> = fc
  .record({
    model: fc.constantFrom(...targets),
    system: optional(words),
    turns: fc.array(turn, { minLength: 1, maxLength: 4 }),
    tools: fc.uniqueArray(tool, { selector: t => t.name, maxLength: 2 }),
    stream: fc.boolean(),
    stop: fc.array(fc.constantFrom('END', '\n\n'), { maxLength: 1 }),
    maxOutputTokens: optional(fc.integer({ min: 1, max: 4096 })),
    temperature: optional(fc.constantFrom(0, 0.5, 1)),
    seed: optional(fc.nat()),
  })
  .map(({ system, turns, ...drawn }) => {
    const opening: readonly Message[] = system === undefined ? [] : [{ role: 'system', content: [{ type: 'text', text: system }] }];
    return defined({ ...drawn, messages: [...opening, ...turns.flat()], extra: {} }) as ChatRequest;
  });

const logprob = fc.double({ min: -20, max: 0, noNaN: true });
const tokenLogprob: fc.Arbitrary<TokenLogprob> = fc.record({
  token: words,
  logprob,
  top: fc.array(fc.record({ token: words, logprob }), { maxLength: 3 }),
});

export const usage: fc.Arbitrary<Usage> = fc
  .record({ fresh: fc.nat(5000), cached: fc.nat(5000), visible: fc.nat(5000), reasoning: fc.nat(5000) })
  .map(({ fresh, cached, visible, reasoning }) => ({
    input: fresh + cached,
    output: visible + reasoning,
    cached,
    cacheWrite: 0,
    reasoning,
    source: 'provider' as const,
  }));

const speech = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });

/** A choice as a stream can carry it: no two texts in a row, calls last. */
const choice: fc.Arbitrary<Omit<Choice, 'index'>> = fc
  .record({
    thought: optional(speech),
    text: optional(speech),
    calls: fc.array(callPart, { maxLength: 2 }),
    logprobs: fc.array(tokenLogprob, { maxLength: 3 }),
  })
  .map(({ thought, text, calls, logprobs }) => {
    const content: readonly Part[] = [
      ...(thought === undefined ? [] : [{ type: 'reasoning' as const, text: thought }]),
      ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
      ...calls,
    ];
    const finish = calls.length > 0 ? { reason: 'tool-calls' as const, raw: 'tool_calls' } : { reason: 'stop' as const, raw: 'stop' };
    return { content, finish, ...(logprobs.length > 0 ? { logprobs } : {}) };
  });

export const chatResponse: fc.Arbitrary<ChatResponse> = fc
  .record({
    id: name,
    model: name,
    created: optional(fc.nat()),
    choices: fc.array(choice, { minLength: 1, maxLength: 2 }),
    usage: optional(usage),
  })
  .map(({ choices, ...drawn }) => defined({ ...drawn, choices: choices.map((c, index) => ({ index, ...c })) }) as ChatResponse);

/** The events of a whole answer. */
export const streamEvents: fc.Arbitrary<readonly StreamEvent[]> = chatResponse.map(eventsOf);
