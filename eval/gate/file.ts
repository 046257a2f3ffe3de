/** Reads a gate file: YAML, checked whole, every problem at its line and column. What is planned but not built is refused, never ignored. */
import { z } from 'zod';
import type { GateRule } from '../gate.ts';
import { metricNames, parseAssertion } from './assertion.ts';
import { type PlaceProblem, placedYaml } from './place.ts';

/** Whose outcomes one side of the gate has. */
export type Side =
  /** What the callers got. */
  | { readonly type: 'recorded' }
  | { readonly type: 'target'; readonly target: string }
  /** One arm of a replay run; the only one when it is not named. */
  | { readonly type: 'run'; readonly run: string; readonly arm: string | undefined }
  | { readonly type: 'chain'; readonly chain: string; readonly thresholds: readonly number[] | undefined }
  /** A route of another config; the only one when it is not named. */
  | { readonly type: 'config'; readonly file: string; readonly route: string | undefined };

export interface GateFile {
  readonly baseline: Side;
  readonly candidate: Side;
  readonly data: {
    readonly outcomes: string | undefined;
    readonly since: string | undefined;
    readonly runs: readonly string[];
    readonly clustersMin: number;
  };
  readonly confidence: number;
  readonly seed: number;
  /** Undefined: the exit code says so. */
  readonly onInconclusive: 'fail' | 'warn' | 'pass' | undefined;
  readonly rules: readonly GateRule[];
  readonly reports: readonly ReportFile[];
}

export interface ReportFile {
  readonly type: 'junit' | 'md' | 'json';
  readonly file: string;
}

export type ParsedGate =
  | { readonly ok: true; readonly gate: GateFile }
  | { readonly ok: false; readonly problems: readonly PlaceProblem[] };

/** Of the method, but not built yet: a gate that asks for it must not pass unheard. */
const planned = new Set([
  ...['dataset', 'where', 'weights', 'until', 'model', 'tenant', 'sequential', 'budget', 'abort_on_fail', 'severity', 'assert_point'],
  ...['html', 'github', 'sarif'],
]);

/** The message for a value that is absent or of another kind. */
const must = (what: string) => ({
  error: (issue: { readonly code?: string; readonly input?: unknown }) =>
    issue.code === 'unrecognized_keys' ? undefined : issue.input === undefined ? `is missing; it must be ${what}` : `must be ${what}`,
});

const text = (what: string) => z.string(must(what)).min(1, must(what));
const threshold = z.number(must('a number from 0 to 1')).min(0, must('a number from 0 to 1')).max(1, must('a number from 0 to 1'));

const sideKinds =
  'recorded, {target: NAME}, {run: ID, arm: NAME}, {chain: ROUTE or TARGETS, thresholds: [0.74]} or {config: FILE, route: NAME}';
const named = ['recorded', 'target', 'run', 'chain', 'config'] as const;
const side = z.preprocess(
  value => (value === 'recorded' ? { recorded: true } : value),
  z
    .strictObject(
      {
        recorded: z.literal(true).optional(),
        target: text('provider/model').optional(),
        run: text('a run id or latest').optional(),
        arm: text('what the run asked, as --against named it').optional(),
        chain: text("a route's name, or targets with commas between").optional(),
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
      if (named.filter(key => value[key] !== undefined).length !== 1) report(`must be one of ${sideKinds}`);
      if (value.arm !== undefined && value.run === undefined) report('has an arm without its run: {run: ID, arm: NAME}');
      if (value.route !== undefined && value.config === undefined)
        report('has a route without its config: {config: FILE, route: NAME}, or {chain: ROUTE} for the running config');
      if (value.thresholds !== undefined && value.chain === undefined)
        report('has thresholds without a chain: {chain: ROUTE, thresholds: [0.74]}');
    }),
);

const confidence = 'a level from 51 % to 99.99 %, such as 95%';
const level = z.union(
  [
    z.number().min(0.51).max(0.9999),
    z
      .string()
      .regex(/^\d+(\.\d+)?\s*%$/)
      .transform(p => Number.parseFloat(p) / 100)
      .pipe(z.number().min(0.51).max(0.9999)),
  ],
  must(confidence),
);
const reportKinds = 'pretty, {junit: FILE}, {md: FILE} or {json: FILE}';

const schema = z.strictObject(
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
        z.strictObject(
          {
            name: text('a name').optional(),
            metric: z.enum(metricNames, must(`one of ${metricNames.join(', ')}`)),
            assert: text('an assertion such as "delta > -1pp"'),
          },
          must('{name, metric, assert}'),
        ),
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

export function parseGate(source: string): ParsedGate {
  const yaml = placedYaml(source);
  if (!yaml.ok) return yaml;
  const parsed = schema.safeParse(yaml.value);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.flatMap(issue => problemsOf(issue, yaml.at)) };
  const file = parsed.data;
  const problems: PlaceProblem[] = [];
  const rules = file.gates.flatMap(({ name, metric, assert }, i): GateRule[] => {
    const assertion = parseAssertion(assert, metric);
    if (typeof assertion === 'string') problems.push({ ...yaml.at(['gates', i, 'assert']), message: assertion });
    return typeof assertion === 'string'
      ? []
      : [{ name: name ?? `${metric} ${assert}`, metric, assertion, line: yaml.at(['gates', i]).line }];
  });
  if (file.data?.outcomes !== undefined && (file.data.since !== undefined || file.data.run !== undefined)) {
    problems.push({
      ...yaml.at(['data', 'outcomes']),
      message: 'stands beside since or run, which choose from the store; give either a file or the store',
    });
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, gate: gateOf(file, rules) };
}

function gateOf(file: z.infer<typeof schema>, rules: readonly GateRule[]): GateFile {
  return {
    baseline: sideOf(file.baseline),
    candidate: sideOf(file.candidate),
    data: {
      outcomes: file.data?.outcomes,
      since: file.data?.since,
      runs: file.data?.run ?? [],
      clustersMin: file.data?.min_clusters ?? 1,
    },
    confidence: file.statistics?.confidence ?? 0.95,
    seed: file.statistics?.seed ?? 0,
    onInconclusive: file.on_inconclusive,
    rules,
    reports: (file.report ?? []).flatMap(entry =>
      entry === 'pretty' ? [] : Object.entries(entry).map(([type, path]) => ({ type: type as ReportFile['type'], file: path })),
    ),
  };
}

function sideOf({ target, run, arm, chain, thresholds, config, route }: z.infer<typeof side>): Side {
  if (target !== undefined) return { type: 'target', target };
  if (run !== undefined) return { type: 'run', run, arm };
  if (chain !== undefined) return { type: 'chain', chain, thresholds };
  if (config !== undefined) return { type: 'config', file: config, route };
  return { type: 'recorded' };
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, at: (path: readonly PropertyKey[]) => Omit<PlaceProblem, 'message'>): PlaceProblem[] {
  if (issue.code !== 'unrecognized_keys') return [{ ...at(issue.path), message: issue.message }];
  return issue.keys.map(key => ({
    ...at([...issue.path, key]),
    message: planned.has(key)
      ? 'is not available yet; leave it out, or the gate would promise more than it checks'
      : 'is not known here; check its spelling',
  }));
}
