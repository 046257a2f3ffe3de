/** Checks a route's strategy, variants, flag, shadow traffic, audit and signals. */
import type { Finding, Path } from '../problem.ts';
import { isRecord } from '../source/source.ts';
import { checkTarget } from './check-target.ts';
import { createFinding, items, namesOf, type RawConfig, unknownName } from './raw-config.ts';

type RawSection = Readonly<Record<string, unknown>>;

/** Findings about one route; `name` is the route's own. */
export function checkRouteOptions(parts: RawConfig, path: Path, name: string, route: RawSection): readonly Finding[] {
  const steps = items(route.steps).filter(isRecord);
  return [
    ...checkStrategy(path, route.strategy, steps),
    ...items(route.variants).flatMap((variant, i) =>
      isRecord(variant) ? checkVariant(parts, [...path, 'variants', i], name, variant) : [],
    ),
    ...checkFlag(parts, path, route),
    ...items(route.shadow).flatMap((shadow, i) =>
      isRecord(shadow) ? checkShadow(parts, [...path, 'shadow', i, 'route'], shadow.route) : [],
    ),
    ...checkAudit(path, route.audit_probability, steps),
    ...checkCertificate(path, route.certificate, route.audit_probability),
    ...items(route.steps).flatMap((step, i) => (isRecord(step) ? checkSignals(parts, [...path, 'steps', i], step) : [])),
  ];
}

function checkStrategy(path: Path, strategy: unknown, steps: readonly RawSection[]): readonly Finding[] {
  if (strategy === undefined || strategy === 'order' || typeof strategy !== 'string' || !steps.some(step => step.accept !== undefined))
    return [];
  return [createFinding([...path, 'strategy'], 'steps with accept are tried in their order; write strategy: order, or remove accept')];
}

/** Stages must grow: a smaller share would move conversations to another target. */
function checkRollout(path: Path, { share, rollout }: RawSection): readonly Finding[] {
  if (!isRecord(rollout)) return [];
  const stages = items(rollout.stages);
  const grows = stages.every((stage, i) => i === 0 || Number(stage) > Number(stages[i - 1]));
  return [
    ...(share === undefined ? [] : [createFinding([...path, 'share'], 'either share or rollout, not both: remove one', 'key')]),
    ...(grows ? [] : [createFinding([...path, 'rollout', 'stages'], 'each stage must be larger than the one before')]),
  ];
}

function checkVariant(parts: RawConfig, path: Path, name: string, variant: RawSection): readonly Finding[] {
  const { route: variantRoute, tenants, keys } = variant;
  const routes = namesOf(parts.routes);
  const found: Finding[] = [...checkRollout(path, variant)];
  if (variantRoute === name) found.push(createFinding([...path, 'route'], 'a route cannot be its own variant; name another route'));
  else if (typeof variantRoute === 'string' && !routes.includes(variantRoute))
    found.push(unknownName('route', variantRoute, routes, [...path, 'route'], parts.source, ''));
  const nested = parts.routes.some(([other, entry]) => other === variantRoute && isRecord(entry) && entry.variants !== undefined);
  if (nested) found.push(createFinding([...path, 'route'], 'a variant cannot have variants; name a route without them'));
  const checkNames = (list: unknown, what: string, names: readonly string[], at: string): void => {
    for (const [i, word] of items(list).entries()) {
      if (typeof word === 'string' && !names.includes(word)) found.push(unknownName(what, word, names, [...path, at, i], parts.source, ''));
    }
  };
  checkNames(tenants, 'tenant', ['default', ...namesOf(parts.tenants)], 'tenants');
  checkNames(
    keys,
    'key',
    parts.keys.flatMap(key => (isRecord(key) && typeof key.name === 'string' ? [key.name] : [])),
    'keys',
  );
  return found;
}

function checkFlag({ source }: RawConfig, path: Path, { flag, variants }: RawSection): readonly Finding[] {
  if (flag === undefined) return [];
  return [
    ...(source.value.flags === undefined
      ? [createFinding([...path, 'flag'], 'there is no flag provider: write flags: { provider: ./flags.js }', 'key')]
      : []),
    ...(items(variants).length === 0 ? [createFinding([...path, 'flag'], 'there is nothing to choose: add variants', 'key')] : []),
  ];
}

function checkShadow(parts: RawConfig, path: Path, route: unknown): readonly Finding[] {
  return typeof route !== 'string' || namesOf(parts.routes).includes(route) ? [] : checkTarget(parts, path, route);
}

function checkAudit(path: Path, probability: unknown, steps: readonly RawSection[]): readonly Finding[] {
  if (typeof probability !== 'number' || probability === 0 || steps.some(step => step.accept !== undefined)) return [];
  return [
    createFinding(
      [...path, 'audit_probability'],
      'no step has accept, so no response is accepted early and there is nothing to audit; remove it',
      'key',
    ),
  ];
}

/** Only audits show the harm, and `strict` is nothing without a breach that calls for it. */
function checkCertificate(path: Path, certificate: unknown, probability: unknown): readonly Finding[] {
  if (!isRecord(certificate)) return [];
  const { monitor, on_breach: onBreach, strict } = certificate;
  return [
    ...(monitor === 'audit' && (probability === undefined || probability === 0)
      ? [
          createFinding(
            [...path, 'certificate', 'monitor'],
            'there are no audits to monitor; add audit_probability: 0.03 to the route',
            'key',
          ),
        ]
      : []),
    ...(strict !== undefined && onBreach !== 'strict'
      ? [createFinding([...path, 'certificate', 'strict'], 'strict has no effect; write on_breach: strict, or remove it', 'key')]
      : []),
  ];
}

/** Each signal in `accept` needs its source, or every response would be declined. */
function checkSignals(parts: RawConfig, path: Path, step: RawSection): readonly Finding[] {
  const found: Finding[] = [];
  const used = signalsIn(step.accept);
  const samples = typeof step.samples === 'number' ? step.samples : 1;
  if (used.has('agreement') && samples < 2) {
    found.push(createFinding([...path, 'accept'], 'agreement needs several responses; add samples: 2 or more to the step', 'key'));
  }
  if (used.has('judge') && step.judge === undefined) {
    found.push(createFinding([...path, 'accept'], 'judge needs a judge model; add judge: provider/model to the step', 'key'));
  }
  if (used.has('scorer') && step.scorer === undefined) {
    found.push(
      createFinding([...path, 'accept'], 'scorer needs a scorer; add scorer: with the export of `hindcast eval` to the step', 'key'),
    );
  }
  if (step.judge !== undefined) {
    found.push(...checkTarget(parts, [...path, 'judge'], step.judge));
    if (step.judge === step.target) found.push(createFinding([...path, 'judge'], 'a model cannot judge its own responses; name another'));
  }
  return found;
}

function signalsIn(accept: unknown): ReadonlySet<string> {
  if (!isRecord(accept)) return new Set();
  const inner = [...items(accept.all), ...items(accept.any)].flatMap(one => [...signalsIn(one)]);
  return new Set([...Object.keys(accept).filter(key => key !== 'all' && key !== 'any'), ...inner]);
}
