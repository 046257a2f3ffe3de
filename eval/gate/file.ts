/** Reads a gate file: YAML, checked whole, every problem at its line and column. What is planned but not built is refused, never ignored. */
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { GateRule } from '../gate.ts';
import { metricNames, parseAssertion } from './assertion.ts';

/** Whose outcomes one side of the gate has. */
export type Side =
  /** What the callers got. */
  | { readonly type: 'recorded' }
  | { readonly type: 'target'; readonly target: string }
  /** A replay run, as a whole arm of it. */
  | { readonly type: 'run'; readonly run: string; readonly arm: string | undefined }
  | { readonly type: 'chain'; readonly chain: string; readonly thresholds: readonly number[] | undefined }
  /** A route of another config. */
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
  readonly onInconclusive: 'fail' | 'warn' | 'pass';
  readonly rules: readonly GateRule[];
  readonly reports: readonly Report[];
}

export type Report = { readonly type: 'pretty' } | { readonly type: 'junit' | 'md' | 'json'; readonly file: string };

export interface PlaceProblem {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

export type ParsedGate = { readonly ok: true; readonly gate: GateFile } | { readonly ok: false; readonly problems: readonly PlaceProblem[] };

/** Of EVAL's method, but not built yet: a gate that asks for it must not pass unheard. */
const planned = new Set([
  ...['dataset', 'where', 'weights', 'sequential', 'budget', 'abort_on_fail', 'severity', 'assert_point', 'until', 'model', 'route', 'tenant'],
  ...['html', 'github', 'sarif'],
]);

const text = z.string().min(1);
const side = z
  .union([z.literal('recorded'), z.strictObject({ run: text, arm: text.optional() }), z.strictObject({ target: text })], 'side')
  .or(z.strictObject({ chain: text, thresholds: z.union([z.number(), z.array(z.number()).min(1)]).optional() }))
  .or(z.strictObject({ config: text, route: text.optional() }));
const share = z.union([
  z.number().gt(0.5).lt(1),
  z
    .string()
    .regex(/^\d+(\.\d+)?\s*%$/)
    .transform(percent => Number.parseFloat(percent) / 100)
    .pipe(z.number().gt(0.5).lt(1)),
]);

const schema = z.strictObject({
  version: z.literal(1),
  baseline: z.unknown(),
  candidate: z.unknown(),
  data: z
    .strictObject({
      outcomes: text.optional(),
      since: text.optional(),
      run: z.union([text, z.array(text).min(1)]).optional(),
      cluster: z.literal('conversation_id').optional(),
      min_clusters: z.int().min(1).optional(),
    })
    .optional(),
  statistics: z
    .strictObject({
      confidence: share.optional(),
      method: z.literal('auto').optional(),
      multiplicity: z.literal('holm').optional(),
      seed: z.int().min(0).optional(),
    })
    .optional(),
  on_inconclusive: z.enum(['fail', 'warn', 'pass']).optional(),
  gates: z.array(z.strictObject({ name: text.optional(), metric: z.enum(metricNames), assert: text })).min(1),
  report: z
    .array(z.union([z.literal('pretty'), z.strictObject({ junit: text }), z.strictObject({ md: text }), z.strictObject({ json: text })]))
    .optional(),
});
