/** Routes and prices: every target leads to a provider, and every threshold to a next step. */
import { type Entry, finding, items, type Parts } from './cross-checks.ts';
import { shown } from './explain.ts';
import { didYouMean } from './nearest.ts';
import { type Finding, type Path, pathId, quoted } from './problem.ts';
import { isRecord } from './source.ts';

const targetLengthMax = 300;

export function checkRoutes(parts: Parts): readonly Finding[] {
  const providerNames = new Set(namesOf(parts.providers));
  return parts.routes.flatMap(([name, route]): readonly Finding[] => {
    const path = ['routes', name];
    const clash = providerNames.has(name) ? [finding(path, 'a route and a provider have the same name; rename one', 'key')] : [];
    if (typeof route === 'string') return [...clash, ...checkTarget(parts, path, route)];
    if (Array.isArray(route)) return [...clash, ...route.flatMap((target, i) => checkTarget(parts, [...path, i], target))];
    return [...clash, ...(isRecord(route) ? checkSteps(parts, [...path, 'steps'], items(route.steps)) : [])];
  });
}

function checkSteps(parts: Parts, path: Path, steps: readonly unknown[]): readonly Finding[] {
  return steps.flatMap((step, i): readonly Finding[] => {
    if (!isRecord(step)) return [];
    const at = [...path, i];
    const target = checkTarget(parts, [...at, 'target'], step.target);
    // An answer that falls short would be given all the same: the threshold would promise what nothing keeps.
    const idle = i === steps.length - 1 && step.accept !== undefined;
    return idle ? [...target, finding([...at, 'accept'], 'nothing follows the last step, so there is nothing to decide; remove accept, or add a step', 'key')] : target;
  });
}

export const namesOf = (entries: readonly Entry[]): readonly string[] => entries.map(([name]) => name);

/** A target is provider/model. Anything that is not a text has been complained of already. */
export function checkTarget(parts: Parts, path: Path, target: unknown): readonly Finding[] {
  if (typeof target !== 'string' || target === '') return [];
  const say = (message: string): readonly Finding[] => [finding(path, message)];
  const slash = target.indexOf('/');
  const names = namesOf(parts.providers);
  if (target.length > targetLengthMax) return say(`a target has at most ${targetLengthMax} characters`);
  if (/[\s,\x00-\x1f\x7f]/.test(target)) return say('a target holds no commas and blanks; write several as a list: [a/x, b/y]');
  if (slash < 1 || slash === target.length - 1) {
    const isRoute = namesOf(parts.routes).includes(target);
    const why = isRoute ? 'which is a route; routes do not nest' : `such as ${quoted(`${names[0] ?? 'openai'}/${target.replaceAll('/', '') || 'gpt-5'}`)}`;
    const visible = parts.source.origins.has(pathId(path)) ? 'such as "openai/gpt-5"' : why;
    return say(`expected a target provider/model; got ${shown(target, path, parts.source)}, ${visible}`.replace(', such as', '; write it'));
  }
  const provider = target.slice(0, slash);
  if (names.includes(provider)) return [];
  if (parts.source.origins.has(pathId(path))) return say(`no provider of this name, from ${shown(target, path, parts.source)}`);
  const near = didYouMean(provider, names) || (names.length > 0 ? `; known are ${names.slice(0, 20).map(quoted).join(', ')}` : '');
  return say(`there is no provider ${quoted(provider)}${near}`);
}

export function checkPrices(parts: Parts): readonly Finding[] {
  return namesOf(parts.prices).flatMap(target =>
    checkTarget(parts, ['prices', target], target).map((problem): Finding => ({ ...problem, at: 'key' })),
  );
}
