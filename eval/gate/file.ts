/** Reads a gate file: YAML, checked whole, every problem at its line and column. What is planned but not built is refused, never ignored. */
import type { z } from 'zod';
import { didYouMean } from '../../gateway/config/nearest.ts';
import type { GateRule } from '../gate.ts';
import { parseAssertion } from './assertion.ts';
import { type PlaceProblem, placedYaml } from './place.ts';
import { gateKeys, gateSchema, type side } from './schema.ts';

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

export function parseGate(source: string): ParsedGate {
  const yaml = placedYaml(source);
  if (!yaml.ok) return yaml;
  const parsed = gateSchema.safeParse(yaml.value);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.flatMap(issue => problemsOf(issue, yaml.at)) };
  return { ok: true, gate: gateOf(parsed.data, i => yaml.at(['gates', i]).line) };
}

function gateOf(file: z.infer<typeof gateSchema>, lineOf: (gate: number) => number): GateFile {
  const rules = file.gates.flatMap(({ name, metric, assert }, i): GateRule[] => {
    const assertion = parseAssertion(assert, metric);
    return typeof assertion === 'string' ? [] : [{ name: name ?? `${metric} ${assert}`, metric, assertion, line: lineOf(i) }];
  });
  const run = file.data?.run?.[0] ?? 'latest';
  return {
    baseline: sideOf(file.baseline, run),
    candidate: sideOf(file.candidate, run),
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

/** An arm without a run is of the run that the data are of. */
function sideOf({ target, run, arm, chain, thresholds, config, route }: z.infer<typeof side>, runOfData: string): Side {
  if (target !== undefined) return { type: 'target', target };
  if (run !== undefined || arm !== undefined) return { type: 'run', run: run ?? runOfData, arm };
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
      : `is not known here${didYouMean(key, gateKeys) || '; leave it out'}`,
  }));
}
