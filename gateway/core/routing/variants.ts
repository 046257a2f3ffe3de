/** Chooses a request's variant of a route, and its shadow calls, which the caller never sees. */
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { RouteOutcome, RoutePolicy, RouteState } from './contract.ts';
import type { RolloutPolicy } from './rollout.ts';

/** A route that takes a share of another route's requests. */
export interface Variant {
  /** The route used instead. */
  readonly route: string;
  /** Of the eligible requests; in [0, 1]. */
  readonly share: number;
  /** Tenants it applies to; all when absent. */
  readonly tenants?: readonly string[];
  readonly keys?: readonly string[];
  /** Controls its share instead. */
  readonly rollout?: RolloutPolicy;
}

/** The parts of a request that choose its variant. */
export interface RequestIdentity {
  readonly tenant: string;
  readonly key: string;
  /** Constant over a conversation. */
  readonly stickyKey: string;
}

/** A feature flag's value for a request. */
export interface FlagEvaluation {
  readonly flag: string;
  /** The route of a variant, or the route whose variants they are. */
  readonly route: string;
  /** The flag provider's reason; '' for none. */
  readonly reason: string;
}

/**
 * The variant of a request; undefined for the route itself.
 * A flag takes precedence over shares, but not over `tenants`. A conversation keeps its variant as long as shares only grow.
 */
export function chooseVariant(
  route: string,
  variants: readonly Variant[],
  identity: RequestIdentity,
  shareOf: (variant: Variant) => number = variant => variant.share,
  evaluation?: FlagEvaluation,
): { readonly variant: Variant; readonly why: string } | undefined {
  if (evaluation?.route === route) return undefined;
  const flagged = evaluation && variants.find(variant => variant.route === evaluation.route && appliesTo(variant, identity));
  if (flagged) return { variant: flagged, why: `flag ${evaluation.flag}${evaluation.reason === '' ? '' : ` (${evaluation.reason})`}` };
  const draw = seededUniform(identity.stickyKey, `variant ${route}`);
  let sum = 0;
  for (const variant of variants) {
    if (!appliesTo(variant, identity)) continue;
    const { tenants, keys } = variant;
    const share = shareOf(variant);
    sum += share;
    if (draw >= sum) continue;
    const audience = [...(tenants ? [`tenant ${identity.tenant}`] : []), ...(keys ? [`key ${identity.key}`] : [])].join(' and ');
    return { variant, why: `${Math.round(share * 10_000) / 100} % of ${audience === '' ? 'all requests' : `the requests of ${audience}`}` };
  }
  return undefined;
}

const appliesTo = ({ tenants, keys }: Variant, { tenant, key }: RequestIdentity): boolean =>
  (tenants?.includes(tenant) ?? true) && (keys?.includes(key) ?? true);

/** The shadow calls of a route, as configured. Shares are in [0, 1]. */
export interface ShadowPlan {
  readonly shadow: readonly { readonly route: string; readonly share: number }[];
  /** The share of responses accepted before the last step for which the last step is called as well. */
  readonly auditProbability: number;
}

/** A call after the response, whose result the caller never sees. */
export interface ShadowCall {
  readonly kind: 'shadow' | 'audit';
  /** A route or a target. */
  readonly route: string;
  /** The probability of such a request being sampled, in (0, 1]. */
  readonly share: number;
}

/** The shadow calls of an answered request. The request's id seeds the sampling, so equal shares select the same requests. */
export function shadowCallsOf(
  plan: ShadowPlan,
  policy: RoutePolicy,
  attempts: RouteState['attempts'],
  outcome: RouteOutcome,
  seed: string,
): readonly ShadowCall[] {
  const shadows = plan.shadow
    .filter(({ route, share }) => seededUniform(seed, `shadow ${route}`) < share)
    .map(({ route, share }): ShadowCall => ({ kind: 'shadow', route, share }));
  const finalTarget = policy.steps.at(-1)?.target;
  const step = outcome.type === 'answered' ? attempts[outcome.attempt]?.step : undefined;
  const isEarly = step !== undefined && step < policy.steps.length - 1 && policy.steps[step]!.accept !== undefined;
  const isAudited = isEarly && finalTarget !== undefined && seededUniform(seed, 'audit') < plan.auditProbability;
  return isAudited ? [...shadows, { kind: 'audit', route: finalTarget, share: plan.auditProbability }] : shadows;
}
