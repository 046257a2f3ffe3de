/** How a route is written: a target, a list of them, or steps with what each must show. */
import { z } from 'zod';
import { featureNames, signalNames } from '../../core/signals/names.ts';
import { routeDefaults, stepDefaults } from '../../settings/settings.ts';
import { decimal, duration, durationOr, list, literal, oneOf, section, text, wholeNumber } from './fields.ts';
import { routeOptions } from './route-options-schema.ts';

const dayMs = 86_400_000;
const stepsMax = 20;

const target = () => text('a target such as openai/gpt-5');
const atLeast = (signal: string) =>
  decimal('a number', 0, 1)
    .optional()
    .describe(
      signal === 'confidence'
        ? 'The least confidence: the scorer where there is one, else mean_logprob; in [0, 1].'
        : `The least \`${signal}\`, in [0, 1].`,
    );

export const acceptSignals = ['confidence', ...signalNames] as const;
type AcceptSignal = (typeof acceptSignals)[number];

const thresholds = Object.fromEntries(acceptSignals.map(signal => [signal, atLeast(signal)])) as Record<
  AcceptSignal,
  ReturnType<typeof atLeast>
>;

export type AcceptConfig = { readonly [signal in AcceptSignal]?: number | undefined } & {
  readonly all?: readonly AcceptConfig[] | undefined;
  readonly any?: readonly AcceptConfig[] | undefined;
};

const accept: z.ZodType<AcceptConfig> = section('a map such as { confidence: 0.74 }', {
  ...thresholds,
  get all() {
    return acceptList('Every one of these must be satisfied.');
  },
  get any() {
    return acceptList('One of these must be satisfied.');
  },
}).meta({ id: 'accept' });

function acceptList(what: string): z.ZodOptional<z.ZodType<AcceptConfig[]>> {
  const items: z.ZodType<AcceptConfig[]> = list(
    'a list such as [{ confidence: 0.74 }]',
    z.lazy(() => accept),
    20,
  ).min(1, {
    error: () => 'expected at least one entry',
  });
  return items.optional().describe(what);
}

/** What a route says for all its steps, and a step for itself. */
const retryOptions = {
  timeout: duration(1, dayMs)
    .optional()
    .describe(
      `An attempt without content by then has failed; with \`accept\`, one that has not ended. Default ${stepDefaults.timeoutMs / 1000}s.`,
    ),
  retries: wholeNumber('a number', 0, 10)
    .optional()
    .describe(`Further tries of a target, made when no untried one is left. Default ${stepDefaults.retries}.`),
  backoff: duration(0, 60_000).optional().describe(`Wait before the first retry; doubles with each. Default ${stepDefaults.backoffMs}ms.`),
};

const scorer = z.preprocess(
  // A scorer that was exported to a file comes in as its text.
  value => (typeof value === 'string' && value.trimStart().startsWith('{') ? parseJsonOrText(value) : value),
  section('a map such as { type: logistic, features: [...], intercept: 0.5 }', {
    type: literal('logistic').describe('The kind of scorer.'),
    features: list(
      'a list such as [{ signal: mean_logprob, weight: 4 }]',
      section('a map such as { signal: mean_logprob, weight: 4 }', {
        signal: oneOf([...featureNames, ...signalNames.filter(name => name !== 'scorer')]).describe('The signal it weighs.'),
        weight: decimal('a number', -1e6, 1e6).describe('How much it weighs.'),
        mean: decimal('a number', -1e6, 1e6)
          .optional()
          .describe('Taken off the signal, and what stands in for one that is missing. Default 0.'),
        scale: decimal('a number', 1e-9, 1e6).optional().describe('What the rest is divided by. Default 1.'),
      }),
      50,
    ).describe('The signals and how much each weighs.'),
    intercept: decimal('a number', -1e6, 1e6).describe('What is there without any signal.'),
  }),
);

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const step = section('a map such as { target: openai/gpt-5 }', {
  target: target().describe('provider/model.'),
  accept: accept.optional().describe('What an answer must show to be taken; else the next step is asked. Not on the last step.'),
  hedge_after: durationOr(['p50', 'p90', 'p95', 'p99'], 1, dayMs)
    .optional()
    .describe(
      'Without content after this long another attempt starts beside it: a duration, or p50, p90, p95, p99 of what this target took lately.',
    ),
  weight: decimal('a number', 0, 1_000_000)
    .optional()
    .describe('Its part of the requests, for the strategies weighted and sticky. Default 1.'),
  samples: wholeNumber('a number', 1, 10)
    .optional()
    .describe('Ask so many times in all when `accept` cannot be decided otherwise, to measure `agreement`.'),
  judge: target()
    .optional()
    .describe('provider/model that is asked for its opinion when `accept` cannot be decided otherwise, to measure `judge`.'),
  scorer: scorer.optional().describe('Makes the signal `scorer` of the others, as `hindcast eval` exports it.'),
  ...retryOptions,
});

const onBreak = z.union([
  oneOf(['error', 'hold', 'continue', 'restart']),
  section('a map such as { hold: { tokens: 40 } }', {
    hold: section('a map such as { tokens: 40 } or { ms: 300ms }', {
      tokens: wholeNumber('a number of tokens', 1, 10_000).optional().describe('So much is said before it is released.'),
      ms: wholeNumber('milliseconds', 1, 60_000).optional().describe('It is released after so many milliseconds, however little was said.'),
    }).describe('How much of a stream is held back.'),
  }),
]);

export const route = z.union([
  target().describe('One target.'),
  list('a list of targets in order of fallback', target(), stepsMax)
    .min(1, { error: () => 'expected at least one target' })
    .describe('Targets in order of fallback.'),
  section('a map with steps', {
    steps: list('a list of steps such as { target: openai/gpt-5 }', step, stepsMax)
      .min(1, { error: () => 'expected at least one step' })
      .describe('Tried in order: the next one when one fails, or when its answer does not show what `accept` asks.'),
    deadline: duration(1, dayMs)
      .prefault(`${routeDefaults.deadlineMs / 1000}s`)
      .describe('From arrival to the last byte, over all attempts.'),
    ...retryOptions,
    on_unsupported: oneOf(['warn', 'drop', 'reject'])
      .default(routeDefaults.onUnsupported)
      .describe('When a target cannot carry a part of the request: leave it out and say so, leave it out, or refuse the request.'),
    ...routeOptions,
    on_break: onBreak
      .optional()
      .describe(
        'When a stream breaks after its first content: `error` tells the caller; `hold` releases its beginning late, so that until then it is replaced unseen; `restart` begins anew for callers who say so; `continue` lets another target go on.',
      ),
  }),
]);

export type RouteConfig = z.output<typeof route>;
