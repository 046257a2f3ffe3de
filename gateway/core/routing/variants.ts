/** Which variant of a route a request takes, and what is asked besides, where the caller never sees it. */
import { seededUniform } from '../shared/random.ts';
import type { RouteOutcome, RoutePolicy, RouteState } from './contract.ts';
import type { RolloutPolicy } from './rollout.ts';

export interface Variant {
  /** The route that is taken instead. */
  readonly route: string;
  /** Of the requests that it is meant for; in [0, 1]. */
  readonly share: number;
  /** Whom it is meant for; everybody when absent. */
  readonly tenants?: readonly string[];
  readonly keys?: readonly string[];
  /** Its share grows by this instead. */
  readonly rollout?: RolloutPolicy;
}

export interface RequestIdentity {
  readonly tenant: string;
  readonly key: string;
  /** What stays the same over a conversation. */
  readonly stickyKey: string;
}

/** What a feature flag said of a request. */
export interface FlagEvaluation {
  readonly flag: string;
  /** The route of a variant, or the one whose variants they are. */
  readonly route: string;
  /** Why, in the words of whoever keeps the flag; '' for none. */
  readonly reason: string;
}

/** A flag goes before shares, but takes no variant for whom it is not meant. The same for all of a conversation, as long as shares only grow. Undefined for the route itself. */
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

export interface ShadowPlan {
  readonly shadow: readonly { readonly route: string; readonly share: number }[];
  /** The share of answers taken from a step before the last that the last one is asked for as well. */
  readonly auditProbability: number;
}

export interface ShadowCall {
  readonly kind: 'shadow' | 'audit';
  /** A route, or a target. */
  readonly route: string;
  /** How likely such a request was to be copied, in (0, 1]. */
  readonly share: number;
}

/** What is asked after a request was answered. The coin knows it by the request's id, so that a share is the same requests for all. */
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
