/** What a replay would do and cost, from recorded token counts and the price book; nobody is called. */

import type { Warning } from '../../gateway/core/chat/provider.ts';
import { cost, type NanoUsd, type Price } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { GatewayRuntime, RoutedRequest } from '../../gateway/exchange/contract.ts';
import { prepare } from '../../gateway/exchange/routed-request.ts';
import { momentsOf } from '../../statistics/index.ts';
import type { Arm } from '../arms/arm.ts';
import { prepareReplayRequest } from '../arms/replay-request.ts';
import type { Transforms } from '../arms/transform.ts';
import { dialectOf } from '../recorded/dialects.ts';
import type { RecordedRequest } from '../recorded/requests.ts';

export interface CostEstimate {
  /** With as many tokens as the recorded answer had. */
  readonly expected: NanoUsd;
  /** With every attempt that the policy allows, each as long as the request lets it be. */
  readonly worst: NanoUsd;
  /** Targets whose price nobody has said; they are in neither sum. */
  readonly unpriced: readonly string[];
  /** What the targets cannot carry, each with its target's name. */
  readonly losses: readonly { readonly target: string; readonly warning: Warning }[];
}

/** An answer without a limit of its own is taken to end here, in tokens. */
const outputTokensMax = 16_384;
/** A token is never shorter than this, in bytes; so this many input tokens at most. */
const bytesPerTokenMin = 2;

/** The first step is expected to answer; a step with `accept` may send the request on, which is in the worst case alone. */
export function estimateCost(request: RoutedRequest, recorded: RecordedRequest, runtime: GatewayRuntime, at: Instant): CostEstimate {
  const { steps } = request.policy;
  const unpriced: string[] = [];
  const losses: { target: string; warning: Warning }[] = [];
  let expected = 0;
  let worst = 0;
  for (const [i, step] of steps.entries()) {
    const { provider, providerName, model } = runtime.targetOf(step.target, request.id);
    for (const warning of prepare(request, step, provider, model).warnings) losses.push({ target: step.target, warning });
    const price = runtime.priceOf(provider, providerName, model, at);
    if (!price) {
      unpriced.push(step.target);
      continue;
    }
    const { inputTokens, outputTokens } = recorded.answer;
    if (i === 0) expected = priced(price, inputTokens, outputTokens);
    const longest = (request.chat.maxOutputTokens ?? outputTokensMax) * (request.chat.choices ?? 1);
    const tries = 1 + step.retries + (step.hedgeAfterMs === undefined ? 0 : 1);
    worst += tries * priced(price, Math.max(inputTokens, Math.ceil(request.body.byteLength / bytesPerTokenMin)), longest);
  }
  return { expected, worst, unpriced, losses };
}

function priced(price: Price, input: number, output: number): NanoUsd {
  return cost({ input, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' }, price).total;
}

/** What a run would do with one arm. */
export interface ArmPlan {
  readonly arm: string;
  readonly calls: number;
  /** Over all calls; where sizes are drawn from recorded answers, half and 95 % of all outcomes lie below. */
  readonly p50: NanoUsd;
  readonly p95: NanoUsd;
  readonly expected: NanoUsd;
  readonly worst: NanoUsd;
  /** Calls to a target of unknown price; they are in no sum. */
  readonly unpriced: number;
  readonly unpricedTargets: readonly string[];
  /** What the record answers already, and what that saves where nobody is asked for it again. */
  readonly fromRecord: number;
  readonly saved: NanoUsd;
  /** Requests by what is changed of the caller's own words, by what the arm would lose of them, and by why it would not be asked. */
  readonly changes: CountByName;
  readonly losses: CountByName;
  readonly skipped: CountByName;
}

type CountByName = Readonly<Record<string, number>>;

/** `savedBy` tells what the record's answer cost; undefined for requests that it does not answer. With `onlyMissing` those are not asked. */
export function armPlanOf(
  arm: Arm,
  requests: readonly RecordedRequest[],
  transforms: Transforms,
  now: Instant,
  savedBy: (recorded: RecordedRequest) => NanoUsd | undefined = () => undefined,
  onlyMissing = false,
): ArmPlan {
  const counts = { losses: {}, skipped: {}, changes: {} } as Record<'losses' | 'skipped' | 'changes', Record<string, number>>;
  const count = (what: keyof typeof counts, name: string): void => {
    counts[what][name] = (counts[what][name] ?? 0) + 1;
  };
  const sums = { calls: 0, expected: 0, worst: 0, unpriced: 0, fromRecord: 0, saved: 0 };
  const unpricedTargets = new Set<string>();
  const outputs = requests.map(({ answer }) => answer.outputTokens).filter(tokens => tokens > 0);
  const spread: { mean: number; variance: number } = { mean: 0, variance: 0 };
  for (const recorded of requests) {
    if (arm.includes && !arm.includes(recorded)) continue;
    const dialect = dialectOf(recorded.dialect);
    const prepared = dialect
      ? prepareReplayRequest(recorded, arm, '', 0, dialect, now, transforms)
      : `unknown wire format ${recorded.dialect}`;
    if (typeof prepared === 'string') {
      count('skipped', prepared);
      continue;
    }
    const { request, applied } = prepared;
    for (const { name, field } of applied) count('changes', `${name} (${field})`);
    const estimated = estimateCost(request, recorded, arm.runtime, now);
    const lossTexts = new Set(
      estimated.losses.map(({ target, warning }) => `${target}: ${warning.type} ${warning.field}. ${warning.detail}`),
    );
    for (const loss of lossTexts) count('losses', loss);
    const saved = savedBy(recorded);
    if (saved !== undefined) {
      sums.fromRecord++;
      sums.saved += saved;
      if (onlyMissing) continue;
    }
    sums.calls++;
    sums.expected += estimated.expected;
    sums.worst += estimated.worst;
    spread.mean += estimated.expected;
    spread.variance += varianceOf(request, arm.runtime, outputs, now);
    if (estimated.unpriced.length > 0) sums.unpriced++;
    for (const target of estimated.unpriced) unpricedTargets.add(target);
  }
  // A sum of many answers is close to normal, and its worst case bounds it.
  const p95 = Math.min(sums.worst, Math.round(spread.mean + normal95 * Math.sqrt(spread.variance)));
  return { arm: arm.name, ...sums, p50: sums.expected, p95, unpricedTargets: [...unpricedTargets], ...counts };
}

const normal95 = 1.645;

/** Of one answer's cost, its length being any of the recorded ones. */
function varianceOf(request: RoutedRequest, runtime: GatewayRuntime, outputs: readonly number[], at: Instant): number {
  const target = request.policy.steps[0]?.target;
  if (target === undefined || outputs.length < 2) return 0;
  const { provider, providerName, model } = runtime.targetOf(target, request.id);
  const price = runtime.priceOf(provider, providerName, model, at);
  if (!price) return 0;
  const { mean, variance } = cachedMoments(outputs);
  return Number.isFinite(mean) ? variance * (price.output / 1e6) ** 2 : 0;
}

const momentsCache = new WeakMap<readonly number[], ReturnType<typeof momentsOf>>();

function cachedMoments(values: readonly number[]): ReturnType<typeof momentsOf> {
  const known = momentsCache.get(values) ?? momentsOf(values);
  momentsCache.set(values, known);
  return known;
}
