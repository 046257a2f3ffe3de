/** Checks routes, prices and models: every target has a provider, and every `accept` a next step. */

import type { Finding, Path } from '../problem.ts';
import { isRecord } from '../source/source.ts';
import { checkRouteOptions } from './check-route-options.ts';
import { checkTarget } from './check-target.ts';
import { createFinding, items, namesOf, type RawConfig } from './raw-config.ts';

/** Findings about every route and its steps. */
export function checkRoutes(parts: RawConfig): readonly Finding[] {
  const providerNames = new Set(namesOf(parts.providers));
  return parts.routes.flatMap(([name, route]): readonly Finding[] => {
    const path = ['routes', name];
    const clash = providerNames.has(name) ? [createFinding(path, 'a route and a provider have the same name; rename one', 'key')] : [];
    if (typeof route === 'string') return [...clash, ...checkTarget(parts, path, route)];
    if (Array.isArray(route)) return [...clash, ...route.flatMap((target, i) => checkTarget(parts, [...path, i], target))];
    if (!isRecord(route)) return clash;
    return [...clash, ...checkSteps(parts, [...path, 'steps'], items(route.steps)), ...checkRouteOptions(parts, path, name, route)];
  });
}

function checkSteps(parts: RawConfig, path: Path, steps: readonly unknown[]): readonly Finding[] {
  return steps.flatMap((step, i): readonly Finding[] => {
    if (!isRecord(step)) return [];
    const at = [...path, i];
    const target = checkTarget(parts, [...at, 'target'], step.target);
    if (step.accept === undefined) return target;
    // The last step's response is returned whatever its signals: a threshold there would have no effect.
    const unusedAccept = 'accept has no effect on the last step; remove accept, or add a step';
    const last =
      i === steps.length - 1 ? [createFinding([...at, 'accept'], unusedAccept, 'key')] : checkAccept([...at, 'accept'], step.accept);
    return [...target, ...last];
  });
}

/** `accept` has one signal, or joins several explicitly. */
function checkAccept(path: Path, accept: unknown): readonly Finding[] {
  if (!isRecord(accept)) return [];
  if (Object.keys(accept).length !== 1) {
    return [
      createFinding(path, 'write one signal with its minimum, such as { confidence: 0.74 }; join several with all: [...] or any: [...]'),
    ];
  }
  return ['all', 'any'].flatMap(join => items(accept[join]).flatMap((inner, i) => checkAccept([...path, join, i], inner)));
}

/** Findings about prices and models of unknown providers. */
export function checkPrices(parts: RawConfig): readonly Finding[] {
  const { prices, models } = parts;
  const paths = [...namesOf(prices).map(target => ['prices', target]), ...namesOf(models).map(target => ['models', target])];
  const wildcards = paths.filter(([top, target]) => /\*/.test(target!) && (top !== 'prices' || !/^[^*]+\/[^*]*\*$/.test(target!)));
  return [
    ...wildcards.map(path => createFinding(path, wildcardMessage(path[0]!), 'key')),
    ...paths.flatMap(path => checkTarget(parts, path, path[1]).map((problem): Finding => ({ ...problem, at: 'key' }))),
  ];
}

const wildcardMessage = (top: string): string =>
  top === 'prices' ? 'a * stands once, at the end: provider/* or provider/gpt-*' : 'models are written in full, without *';
