/** What may stand in a gate file, with a message for each thing that may not. */
import { z } from 'zod';
import { metricNames, parseAssertion } from './assertion.ts';

/** The message for a value that is absent or of another kind. */
const must = (what: string) => ({
  error: (issue: { readonly code?: string; readonly input?: unknown }) =>
    issue.code === 'unrecognized_keys' ? undefined : issue.input === undefined ? `is missing; it must be ${what}` : `must be ${what}`,
});

const text = (what: string) => z.string(must(what)).min(1, must(what));
const threshold = z.number(must('a number from 0 to 1')).min(0, must('a number from 0 to 1')).max(1, must('a number from 0 to 1'));

const sideKinds =
  'recorded, {target: NAME}, {run: ID, arm: NAME}, {arm: NAME}, {chain: ROUTE or TARGETS, thresholds: [0.74]} or {config: FILE, route: NAME}';
const named = ['recorded', 'target', 'run', 'chain', 'config'] as const;
const chainKinds = "a route's name, or two targets and more, cheap ones first";
export const side = z.preprocess(
  value => (value === 'recorded' ? { recorded: true } : value),
  z
    .strictObject(
      {
        recorded: z.literal(true).optional(),
        target: text('provider/model').optional(),
        run: text('a run id or latest').optional(),
        arm: text('what the run asked, as --against named it').optional(),
        chain: z
          .union(
            [
              text(chainKinds),
              z
                .array(text(chainKinds))
                .min(2)
                .transform(targets => targets.join(',')),
            ],
            must(chainKinds),
          )
          .optional(),
        thresholds: z
          .union(
            [threshold.transform(t => [t]), z.array(threshold).min(1)],
            must('a list of numbers from 0 to 1, one for each target but the last'),
          )
          .optional(),
        config: text('a config file').optional(),
        route: text("a route's name").optional(),
      },
      must(sideKinds),
    )
    .check(({ value, issues }) => {
      const report = (message: string): unknown => issues.push({ code: 'custom', message, input: value });
      const whole = named.filter(key => value[key] !== undefined).length;
      if (whole > 1 || (whole === 0 && value.arm === undefined)) report(`must be one of ${sideKinds}`);
      if (whole > 0 && value.arm !== undefined && value.run === undefined)
        report('has an arm beside something that is no run: {run: ID, arm: NAME}');
      if (value.route !== undefined && value.config === undefined)
        report('has a route without its config: {config: FILE, route: NAME}, or {chain: ROUTE} for the running config');
      if (value.thresholds !== undefined && value.chain === undefined)
        report('has thresholds without a chain: {chain: ROUTE, thresholds: [0.74]}');
    }),
);

const confidence = 'a level from 51 % to 99.99 %, such as 95%';
const level = z.preprocess(
  value => (typeof value === 'string' && /^\d+(\.\d+)?\s*%$/.test(value) ? Number.parseFloat(value) / 100 : value),
  z.number(must(confidence)).min(0.51, must(confidence)).max(0.9999, must(confidence)),
);
const reportKinds = 'pretty, {junit: FILE}, {md: FILE} or {json: FILE}';

export const gateSchema = z.strictObject(
  {
    version: z.literal(1, must('1')),
    baseline: side,
    candidate: side,
    data: z
      .strictObject(
        {
          outcomes: text('a file of outcomes').optional(),
          since: text('a span such as 7d').optional(),
          run: z
            .union(
              [text('a run id or latest').transform(run => [run]), z.array(text('a run id or latest')).min(1)],
              must('a run id, latest, or a list'),
            )
            .optional(),
          cluster: z.literal('conversation_id', must('conversation_id, which is the only one yet')).optional(),
          min_clusters: z.int(must('a whole number')).min(1, must('1 or more')).optional(),
        },
        must('{outcomes: FILE}, {since: 7d} or {run: ID}'),
      )
      .check(({ value: { outcomes, since, run }, issues }) => {
        if (outcomes === undefined || (since === undefined && run === undefined)) return;
        const message = 'stands beside since or run, which choose from the store; give either a file or the store';
        issues.push({ code: 'custom', message, input: outcomes, path: ['outcomes'] });
      })
      .optional(),
    statistics: z
      .strictObject(
        {
          confidence: level.optional(),
          method: z.literal('auto', must('auto, which is the only one yet')).optional(),
          multiplicity: z.literal('holm', must('holm, which is the only one yet')).optional(),
          seed: z.int(must('a whole number')).min(0, must('0 or more')).optional(),
        },
        must('{confidence: 95%, seed: 7}'),
      )
      .optional(),
    on_inconclusive: z.enum(['fail', 'warn', 'pass'], must('fail, warn or pass')).optional(),
    gates: z
      .array(
        z
          .strictObject(
            {
              name: text('a name').optional(),
              metric: z.enum(metricNames, must(`one of ${metricNames.join(', ')}`)),
              assert: text('an assertion such as "delta > -1pp"'),
            },
            must('{name, metric, assert}'),
          )
          .check(({ value, issues }) => {
            const parsed = parseAssertion(value.assert, value.metric);
            if (typeof parsed === 'string') issues.push({ code: 'custom', message: parsed, input: value.assert, path: ['assert'] });
          }),
        must('a list of {name, metric, assert}'),
      )
      .min(1, must('a list of at least one {name, metric, assert}')),
    report: z
      .array(
        z.union(
          [
            z.literal('pretty'),
            z.strictObject({ junit: text('a file') }),
            z.strictObject({ md: text('a file') }),
            z.strictObject({ json: text('a file') }),
          ],
          must(`${reportKinds}; html, github and sarif are not available yet`),
        ),
        must(`a list of ${reportKinds}`),
      )
      .optional(),
  },
  must('a mapping with version, baseline, candidate and gates'),
);

/** Every key of the file, for guessing what a misspelt one was meant to be. */
export const gateKeys = [
  ...['version', 'baseline', 'candidate', 'data', 'statistics', 'on_inconclusive', 'gates', 'report'],
  ...['target', 'run', 'arm', 'chain', 'thresholds', 'config', 'route', 'outcomes', 'since', 'cluster', 'min_clusters'],
  ...['confidence', 'method', 'multiplicity', 'seed', 'name', 'metric', 'assert', 'junit', 'md', 'json'],
];
