/** The schema of a gate file, with a message for each invalid value. */
import { z } from 'zod';
import { isMetricName, metricNames, parseAssertion } from './assertion.ts';
import { parseWhere } from './where.ts';

/** The message for a value that is absent or of another kind. */
const must = (what: string) => ({
  error: (issue: { readonly code?: string; readonly input?: unknown }) =>
    issue.code === 'unrecognized_keys' ? undefined : issue.input === undefined ? `is missing; it must be ${what}` : `must be ${what}`,
});

const text = (what: string) => z.string(must(what)).min(1, must(what));
const threshold = z.number(must('a number from 0 to 1')).min(0, must('a number from 0 to 1')).max(1, must('a number from 0 to 1'));

const sideKinds =
  'recorded, {snapshot: FILE, target: NAME, ref: GIT-REF}, {target: NAME}, {run: ID, arm: NAME}, {arm: NAME}, {chain: ROUTE or TARGETS, thresholds: [0.74]} or {config: FILE, route: NAME}';
const named = ['recorded', 'snapshot', 'target', 'run', 'chain', 'config'] as const;
const chainKinds = "a route's name, or two targets and more, cheap ones first";

/** The schema of one side: `recorded`, a target, a chain or an arm of a run. */
export const side = z.preprocess(
  value => (value === 'recorded' ? { recorded: true } : value),
  z
    .strictObject(
      {
        recorded: z.literal(true).optional(),
        snapshot: text('a file of outcomes').optional(),
        ref: text('a branch, tag or commit of git').optional(),
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
      const whole = named.filter(key => value[key] !== undefined && !(key === 'target' && value.snapshot !== undefined)).length;
      if (value.ref !== undefined && value.snapshot === undefined) report('has a git ref without a snapshot: {snapshot: FILE, ref: main}');
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
const reportKinds = 'pretty, github, {junit: FILE}, {md: FILE}, {html: FILE}, {sarif: FILE} or {json: FILE}';

const where = text("conditions on tags such as task = 'refund'").check(({ value, issues }) => {
  const parsed = parseWhere(value);
  if (typeof parsed === 'string') issues.push({ code: 'custom', message: parsed, input: value });
});
const share = z.preprocess(
  value => (typeof value === 'string' && /^\d+(\.\d+)?\s*%$/.test(value) ? Number.parseFloat(value) / 100 : value),
  z.number(must('a share such as 2%')).min(0, must('a share from 0% to 100%')).max(1, must('a share from 0% to 100%')),
);
const duration = text('a duration such as 10m').regex(/^\d+(\.\d+)?\s*(ms|s|m|h)$/, must('a duration such as 10m'));

const rule = z
  .strictObject(
    {
      name: text('a name').optional(),
      metric: z
        .string(must(`one of ${metricNames.join(', ')}`))
        .refine(isMetricName, must(`one of ${metricNames.join(', ')}, or score.NAME`)),
      where: where.optional(),
      assert: text('an assertion such as "delta > -1pp"').optional(),
      assert_point: text('an assertion such as "delta > -1pp"').optional(),
      severity: z.enum(['error', 'warn'], must('error or warn')).optional(),
      abort_on_fail: z.boolean(must('true or false')).optional(),
    },
    must('{name, metric, assert}'),
  )
  .check(({ value, issues }) => {
    const { assert, assert_point: point } = value;
    const report = (message: string, key: string): unknown => issues.push({ code: 'custom', message, input: value, path: [key] });
    if ((assert === undefined) === (point === undefined))
      return void report(
        assert === undefined
          ? 'is missing; it must be an assertion such as "delta > -1pp"'
          : 'stands beside assert_point; give one of them',
        'assert',
      );
    const parsed = parseAssertion((assert ?? point)!, value.metric);
    if (typeof parsed === 'string') report(parsed, assert === undefined ? 'assert_point' : 'assert');
  });

export const gateSchema = z.strictObject(
  {
    version: z.literal(1, must('1')),
    name: text('a name').optional(),
    certificate: text('a certificate file').optional(),
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
          dataset: text('a dataset such as support-golden@14').optional(),
          where: where.optional(),
          weights: z.enum(['request', 'cluster'], must('request or cluster')).optional(),
          cluster: z.enum(['conversation_id', 'tenant_id', 'user_id'], must('conversation_id, tenant_id or user_id')).optional(),
          min_clusters: z.int(must('a whole number')).min(1, must('1 or more')).optional(),
        },
        must('{outcomes: FILE}, {since: 7d} or {run: ID}'),
      )
      .check(({ value: { outcomes, since, run, dataset }, issues }) => {
        if (outcomes === undefined || (since === undefined && run === undefined && dataset === undefined)) return;
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
          sequential: z.boolean(must('true or false')).optional(),
        },
        must('{confidence: 95%, seed: 7}'),
      )
      .optional(),
    budget: z
      .strictObject(
        {
          max_cost: z.number(must('USD')).min(0, must('USD, 0 or more')).optional(),
          max_duration: duration.optional(),
          max_error_rate: share.optional(),
        },
        must('{max_cost: 5.00, max_duration: 10m, max_error_rate: 2%}'),
      )
      .optional(),
    on_inconclusive: z.enum(['fail', 'warn', 'pass'], must('fail, warn or pass')).optional(),
    gates: z.array(rule, must('a list of {name, metric, assert}')).min(1, must('a list of at least one {name, metric, assert}')),
    report: z
      .array(
        z.union(
          [
            z.enum(['pretty', 'github']),
            ...(['junit', 'md', 'html', 'sarif', 'json'] as const).map(type => z.strictObject({ [type]: text('a file') })),
          ],
          must(reportKinds),
        ),
        must(`a list of ${reportKinds}`),
      )
      .optional(),
  },
  must('a mapping with version, baseline, candidate and gates'),
);

/** Every key of the file, for suggestions when one is misspelt. */
export const gateKeys = [
  ...['version', 'name', 'certificate', 'baseline', 'candidate', 'data', 'statistics', 'budget', 'on_inconclusive', 'gates', 'report'],
  ...[
    'snapshot',
    'ref',
    'target',
    'run',
    'arm',
    'chain',
    'thresholds',
    'config',
    'route',
    'outcomes',
    'dataset',
    'since',
    'where',
    'weights',
  ],
  ...[
    'cluster',
    'min_clusters',
    'confidence',
    'method',
    'multiplicity',
    'seed',
    'sequential',
    'max_cost',
    'max_duration',
    'max_error_rate',
  ],
  ...['metric', 'assert', 'assert_point', 'severity', 'abort_on_fail', 'junit', 'md', 'html', 'sarif', 'json'],
];
