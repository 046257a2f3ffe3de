/** Reads a gate file (YAML) and reports every problem with line and column. Keys that are not supported are rejected, never ignored. */
import type { z } from 'zod';
import { parseDuration } from '../../gateway/cli/duration.ts';
import { didYouMean } from '../../gateway/config/nearest.ts';
import { type MetricName, parseAssertion } from './assertion.ts';
import type { GateRule } from './evaluate.ts';
import { gateKeys, gateSchema, type side } from './schema.ts';
import { parseWhere, type Where } from './where.ts';
import { type PositionedProblem, parsePositionedYaml } from './yaml-positions.ts';

/** The source of one side's outcomes. */
export type Side =
  /** The recorded responses. */
  | { readonly type: 'recorded' }
  /** A file of outcomes of its own, in the working tree or at a commit; its only target when none is named. */
  | { readonly type: 'snapshot'; readonly file: string; readonly ref: string | undefined; readonly target: string | undefined }
  | { readonly type: 'target'; readonly target: string }
  /** One arm of a replay run; the only one when it is not named. */
  | { readonly type: 'run'; readonly run: string; readonly arm: string | undefined }
  | { readonly type: 'chain'; readonly chain: string; readonly thresholds: readonly number[] | undefined }
  /** A route of another config; the only one when it is not named. */
  | { readonly type: 'config'; readonly file: string; readonly route: string | undefined };

export interface GateFile {
  /** Marks the comment that a later run replaces. */
  readonly name: string | undefined;
  readonly certificate: string | undefined;
  readonly baseline: Side;
  readonly candidate: Side;
  readonly data: {
    readonly outcomes: string | undefined;
    readonly since: string | undefined;
    readonly runs: readonly string[];
    readonly clustersMin: number;
    readonly dataset: string | undefined;
    readonly where: Where | undefined;
    readonly weights: 'request' | 'cluster';
    readonly cluster: 'conversation_id' | 'tenant_id' | 'user_id';
  };
  readonly sequential: boolean;
  readonly budget: { readonly usd: number | undefined; readonly durationMs: number | undefined; readonly errorRate: number | undefined };
  /** Annotations for GitHub on the gates' own lines. */
  readonly github: boolean;
  readonly confidence: number;
  readonly seed: number;
  /** Undefined: an inconclusive gate keeps its own exit code. */
  readonly onInconclusive: 'fail' | 'warn' | 'pass' | undefined;
  readonly rules: readonly GateRule[];
  readonly reports: readonly ReportFile[];
}

export interface ReportFile {
  readonly type: 'junit' | 'md' | 'html' | 'sarif' | 'json';
  readonly file: string;
}

export type ParsedGate =
  | { readonly ok: true; readonly gate: GateFile }
  | { readonly ok: false; readonly problems: readonly PositionedProblem[] };

/** Keys of the method that are not supported: a gate that uses one is rejected instead of passing without it. */
const notImplemented = new Set(['until', 'model', 'tenant']);

export function parseGate(source: string): ParsedGate {
  const yaml = parsePositionedYaml(source);
  if (!yaml.ok) return yaml;
  const parsed = gateSchema.safeParse(yaml.value);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.flatMap(issue => problemsOf(issue, yaml.at)) };
  return { ok: true, gate: gateOf(parsed.data, i => yaml.at(['gates', i]).line) };
}

function gateOf(file: z.infer<typeof gateSchema>, lineOf: (gate: number) => number): GateFile {
  const rules = file.gates.flatMap((gate, i): GateRule[] => {
    const text = (gate.assert ?? gate.assert_point)!;
    const metric = gate.metric as MetricName;
    const assertion = parseAssertion(text, metric);
    if (typeof assertion === 'string') return [];
    const about = gate.where === undefined ? undefined : { where: whereOf(gate.where)!, text: gate.where };
    return [
      {
        ...{ name: gate.name ?? `${metric} ${text}${about ? ` where ${about.text}` : ''}`, metric, assertion, line: lineOf(i) },
        ...{ isPoint: gate.assert === undefined, severity: gate.severity ?? 'error', abortOnFail: gate.abort_on_fail ?? false },
        ...(about ? { filter: about } : {}),
      },
    ];
  });
  const run = file.data?.run?.[0] ?? 'latest';
  const { max_cost: usd, max_duration: duration, max_error_rate: errorRate } = file.budget ?? {};
  return {
    ...{ name: file.name, certificate: file.certificate },
    baseline: sideOf(file.baseline, run),
    candidate: sideOf(file.candidate, run),
    data: {
      outcomes: file.data?.outcomes,
      since: file.data?.since,
      runs: file.data?.run ?? [],
      clustersMin: file.data?.min_clusters ?? 1,
      dataset: file.data?.dataset,
      where: file.data?.where === undefined ? undefined : whereOf(file.data.where),
      weights: file.data?.weights ?? 'request',
      cluster: file.data?.cluster ?? 'conversation_id',
    },
    sequential: file.statistics?.sequential ?? false,
    budget: { usd, durationMs: duration === undefined ? undefined : parseDuration(duration, 'budget.max_duration'), errorRate },
    github: (file.report ?? []).includes('github'),
    confidence: file.statistics?.confidence ?? 0.95,
    seed: file.statistics?.seed ?? 0,
    onInconclusive: file.on_inconclusive,
    rules,
    reports: (file.report ?? []).flatMap(entry =>
      typeof entry === 'string'
        ? []
        : Object.entries(entry).map(([type, path]) => ({ type: type as ReportFile['type'], file: path as string })),
    ),
  };
}

const whereOf = (text: string): Where | undefined => {
  const parsed = parseWhere(text);
  return typeof parsed === 'string' ? undefined : parsed;
};

/** An arm without a run is of the run that the data are of. */
function sideOf({ snapshot, ref, target, run, arm, chain, thresholds, config, route }: z.infer<typeof side>, runOfData: string): Side {
  if (snapshot !== undefined) return { type: 'snapshot', file: snapshot, ref, target };
  if (target !== undefined) return { type: 'target', target };
  if (run !== undefined || arm !== undefined) return { type: 'run', run: run ?? runOfData, arm };
  if (chain !== undefined) return { type: 'chain', chain, thresholds };
  if (config !== undefined) return { type: 'config', file: config, route };
  return { type: 'recorded' };
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, at: (path: readonly PropertyKey[]) => Omit<PositionedProblem, 'message'>): PositionedProblem[] {
  if (issue.code !== 'unrecognized_keys') return [{ ...at(issue.path), message: issue.message }];
  return issue.keys.map(key => ({
    ...at([...issue.path, key]),
    message: notImplemented.has(key)
      ? 'is not available yet; leave it out, or the gate would promise more than it checks'
      : `is not known here${didYouMean(key, gateKeys) || '; leave it out'}`,
  }));
}
