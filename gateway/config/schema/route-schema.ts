/** The schema of a route: a target, a list of targets, or steps with acceptance rules. */
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
        ? 'The minimum confidence in [0, 1]: the scorer when there is one, else mean_logprob.'
        : `The minimum \`${signal}\`, in [0, 1].`,
    );

/** Signals that a step's `accept` may name. */
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

/** Options of a route for all its steps, or of one step. */
const retryOptions = {
  timeout: duration(1, dayMs)
    .optional()
    .describe(`Time to first token. For steps with \`accept\`: time to the complete response. Default ${stepDefaults.timeoutMs / 1000}s.`),
  retries: wholeNumber('a number', 0, 10)
    .optional()
    .describe(`Retries per target. They happen after all fallbacks have been tried once. Default ${stepDefaults.retries}.`),
  backoff: duration(0, 60_000)
    .optional()
    .describe(`Delay before the first retry; it doubles with each retry. Default ${stepDefaults.backoffMs}ms.`),
};

const scorer = z.preprocess(
  // `${file:...}` gives an exported scorer as text.
  value => (typeof value === 'string' && value.trimStart().startsWith('{') ? parseJsonOrText(value) : value),
  section('a map such as { type: logistic, features: [...], intercept: 0.5 }', {
    type: literal('logistic').describe('The kind of scorer.'),
    features: list(
      'a list such as [{ signal: mean_logprob, weight: 4 }]',
      section('a map such as { signal: mean_logprob, weight: 4 }', {
        signal: oneOf([...featureNames, ...signalNames.filter(name => name !== 'scorer')]).describe('The signal.'),
        weight: decimal('a number', -1e6, 1e6).describe('Its weight.'),
        mean: decimal('a number', -1e6, 1e6).optional().describe('Subtracted from the signal, and used for a missing one. Default 0.'),
        scale: decimal('a number', 1e-9, 1e6).optional().describe('Divides the difference. Default 1.'),
      }),
      50,
    ).describe('The signals and their weights.'),
    intercept: decimal('a number', -1e6, 1e6).describe('The intercept of the logistic model.'),
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
  accept: accept
    .optional()
    .describe('The signals a response needs to be accepted; otherwise the next step is tried. Not on the last step.'),
  hedge_after: durationOr(['p50', 'p90', 'p95', 'p99'], 1, dayMs)
    .optional()
    .describe(
      'Starts a second attempt when there is no content after this time: a duration, or p50, p90, p95, p99 of the recent time to first token.',
    ),
  weight: decimal('a number', 0, 1_000_000).optional().describe('Its weight, for the strategies weighted and sticky. Default 1.'),
  samples: wholeNumber('a number', 1, 10).optional().describe('Number of responses to request when `accept` needs the signal `agreement`.'),
  judge: target().optional().describe('provider/model that judges the response when `accept` needs the signal `judge`.'),
  scorer: scorer.optional().describe('Computes the signal `scorer` from the others, as `hindcast eval` exports it.'),
  ...retryOptions,
});

const onBreak = z.union([
  oneOf(['error', 'hold', 'continue', 'restart']),
  section('a map such as { hold: { tokens: 40 } }', {
    hold: section('a map such as { tokens: 40 } or { ms: 300ms }', {
      tokens: wholeNumber('a number of tokens', 1, 10_000).optional().describe('Released after so many tokens.'),
      ms: wholeNumber('milliseconds', 1, 60_000).optional().describe('Released after so many milliseconds.'),
    }).describe('How much of a stream is buffered before it is sent.'),
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
      .describe('Tried in order: the next step follows a failure, or a response that `accept` declines.'),
    deadline: duration(1, dayMs)
      .prefault(`${routeDefaults.deadlineMs / 1000}s`)
      .describe('From arrival to the last byte, over all attempts.'),
    ...retryOptions,
    on_unsupported: oneOf(['warn', 'drop', 'reject'])
      .default(routeDefaults.onUnsupported)
      .describe('When a target does not support a part of the request: drop it with a warning, drop it, or reject the request.'),
    ...routeOptions,
    on_break: onBreak
      .optional()
      .describe(
        'When a stream breaks after its first content: `error` sends an error event; `hold` buffers the beginning, so that a fallback can replace it unseen; `restart` starts over for callers that allow it; `continue` lets another target continue the response.',
      ),
  }),
]);

export type RouteConfig = z.output<typeof route>;
