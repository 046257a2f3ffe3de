/** Estimates the calls and the cost of a replay from recorded token counts and the price book, without sending requests. */

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
  /** With the tokens of the recorded response. */
  readonly expected: NanoUsd;
  /** With every attempt that the policy allows, each with the longest output. */
  readonly worst: NanoUsd;
  /** Targets without a known price; neither sum includes them. */
  readonly unpriced: readonly string[];
  /** Warnings about what a target does not support, with the target. */
  readonly losses: readonly { readonly target: string; readonly warning: Warning }[];
}

/** The assumed output limit of requests without one. */
const outputTokensMax = 16_384;
/** Assumed minimum bytes per token, which bounds the input tokens. */
const bytesPerTokenMin = 2;

/** `expected` counts the first step. `worst` counts every step, because `accept` may escalate. */
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
    const attempts = 1 + step.retries + (step.hedgeAfterMs === undefined ? 0 : 1);
    worst += attempts * priced(price, Math.max(inputTokens, Math.ceil(request.body.byteLength / bytesPerTokenMin)), longest);
  }
  return { expected, worst, unpriced, losses };
}

function priced(price: Price, input: number, output: number): NanoUsd {
  return cost({ input, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' }, price).total;
}

/** The plan of one arm: calls, cost, changes and losses. */
export interface ArmPlan {
  readonly arm: string;
  readonly calls: number;
  /** Quantiles of the total cost, with output sizes drawn from recorded responses. */
  readonly p50: NanoUsd;
  readonly p95: NanoUsd;
  readonly expected: NanoUsd;
  readonly worst: NanoUsd;
  /** Calls to targets of unknown price; no sum includes them. */
  readonly unpriced: number;
  readonly unpricedTargets: readonly string[];
  /** Requests that the record can answer, and the cost that this saves. */
  readonly fromRecord: number;
  readonly saved: NanoUsd;
  /** Number of requests by applied change, by loss at the arm's targets, and by reason for skipping. */
  readonly changes: CountByName;
  readonly losses: CountByName;
  readonly skipped: CountByName;
}

type CountByName = Readonly<Record<string, number>>;

/** `savedBy` returns the recorded cost of requests that the record can answer, else undefined. `onlyMissing` leaves those out of the calls. */
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
  const totalCost: { mean: number; variance: number } = { mean: 0, variance: 0 };
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
    totalCost.mean += estimated.expected;
    totalCost.variance += varianceOf(request, arm.runtime, outputs, now);
    if (estimated.unpriced.length > 0) sums.unpriced++;
    for (const target of estimated.unpriced) unpricedTargets.add(target);
  }
  // The sum of many costs is close to normal; the worst case bounds it.
  const p95 = Math.min(sums.worst, Math.round(totalCost.mean + normal95 * Math.sqrt(totalCost.variance)));
  return { arm: arm.name, ...sums, p50: sums.expected, p95, unpricedTargets: [...unpricedTargets], ...counts };
}

const normal95 = 1.645;

/** The variance of one response's cost, with output lengths drawn from the recorded ones. */
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
