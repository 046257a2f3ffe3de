/** Checks the text of a target: its form, and its provider. */
import type { Finding, Path } from '../problem.ts';
import { joinWords } from '../schema/fields.ts';
import { createFinding, namesOf, type RawConfig, unknownName } from './raw-config.ts';
import { formatValue } from './schema-findings.ts';

/** Findings about a target, which must be provider/model. The schema already reports values that are not text. */
export function checkTarget(parts: RawConfig, path: Path, target: unknown): readonly Finding[] {
  if (typeof target !== 'string' || target === '') return [];
  if (target.length > targetLengthMax) return [createFinding(path, `a target has at most ${targetLengthMax} characters`)];
  if (/[\s,\x00-\x1f\x7f]/.test(target))
    return [createFinding(path, 'a target contains no commas and no blanks; write several as a list: [a/x, b/y]')];
  const slash = target.indexOf('/');
  const names = namesOf(parts.providers);
  if (slash < 1 || slash === target.length - 1) {
    const nested = namesOf(parts.routes).includes(target) ? '; routes do not nest' : '';
    return [
      createFinding(
        path,
        `expected provider/model, such as ${names[0] ?? 'openai'}/gpt-5; got ${formatValue(target, path, parts.source)}${nested}`,
      ),
    ];
  }
  const provider = target.slice(0, slash);
  if (names.includes(provider)) return [];
  return [unknownName('provider', provider, names, path, parts.source, `; known are ${joinWords(names.slice(0, 20), 'and')}`)];
}

export const targetLengthMax = 300;
