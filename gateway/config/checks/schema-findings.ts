/** Findings from schema issues: what was expected, what was found, and the nearest known word. */
import type { z } from 'zod';
import { didYouMean } from '../nearest.ts';
import { type Finding, looksLikeSecret, type Path, pathId, quoted } from '../problem.ts';
import { joinWords } from '../schema/fields.ts';
import { kindOf, type Source } from '../source/source.ts';

type Issue = z.core.$ZodIssue;

/** Replaces an issue of a union by those of the branch that has the value's type. */
export function flattenIssues(issues: readonly Issue[], parentPath: Path = []): readonly Issue[] {
  return issues.flatMap((issue): readonly Issue[] => {
    const path = [...parentPath, ...(issue.path as Path)];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path: [...path] }];
    const matchingBranch = issue.errors.find(branch => !branch.some(inner => inner.code === 'invalid_type' && inner.path.length === 0));
    if (matchingBranch) return flattenIssues(matchingBranch, path);
    const expected = issue.errors.flatMap(branch => branch[0]?.message.replace(/^expected /, '') ?? []);
    return [{ code: 'custom', path: [...path], message: `expected ${joinWords(expected)}`, input: issue.input }];
  });
}

/** The findings of one schema issue; unknown keys give one each. */
export function findingsOf(issue: Issue, source: Source): readonly Finding[] {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = issue.message.split(' ');
      return issue.keys.map(key => {
        const near = didYouMean(key, known);
        return {
          path: [...path, key],
          at: 'key',
          message: `unknown key ${quoted(key)}${near || `; known are ${joinWords(known, 'and')}`}`,
        };
      });
    }
    case 'invalid_key':
      return [{ path, at: 'key', message: issue.issues[0]?.message ?? 'this name is not allowed' }];
    case 'invalid_value': {
      const found = valueAt(source.value, path);
      const visible = typeof found === 'string' && !source.origins.has(pathId(path));
      const near = visible ? didYouMean(found, issue.values.map(String)) : '';
      return [{ path, at: 'value', message: withActualValue(issue.message, path, source) + near }];
    }
    default:
      return [{ path, at: 'value', message: withActualValue(issue.message, path, source) }];
  }
}

function withActualValue(message: string, path: Path, source: Source): string {
  if (!message.startsWith('expected ')) return message;
  const found = valueAt(source.value, path);
  if (found === undefined) return `is missing; ${message}`;
  const unit = typeof found === 'number' && message.startsWith('expected a duration') ? `; add the unit: ${found}s or ${found}ms` : '';
  return `${message}; got ${formatValue(found, path, source)}${unit}`;
}

const providerSecrets: ReadonlySet<string> = new Set([
  ...['key', 'keys', 'base_url', 'access_key_id', 'secret_access_key', 'session_token', 'credentials'],
]);

/** Paths of secrets, and of values in which users often write one by mistake. */
export function isSecretPath([top, second, third]: Path): boolean {
  if (top === 'providers') return typeof third === 'string' && providerSecrets.has(third);
  if (top === 'keys') return third === 'hash';
  // The options of a flag provider may hold its token.
  if (top === 'flags') return second === 'options';
  return (
    (top === 'store' && (second === 'password' || second === 'url')) ||
    (top === 'telemetry' && (second === 'otlp' || second === 'metrics_key'))
  );
}

/** A value as printed. Of a secret only its type is printed; of a value from the environment or a file, only its source. */
export function formatValue(value: unknown, path: Path, source: Source): string {
  const origins = source.origins.get(pathId(path));
  if (origins) return `the value of ${origins.map(quoted).join(' and ')}`;
  if (isSecretPath(path) || (typeof value === 'string' && (value === '' || looksLikeSecret(value)))) return kindOf(value);
  return typeof value === 'string' ? quoted(value) : typeof value === 'number' ? String(value) : kindOf(value);
}

/** The value at the path; undefined when there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** `port: ${PORT}` expands to text: converts it where the schema expects a number or a boolean. True when it changed a value. */
export function coerceExpanded(issues: readonly Issue[], source: Source): boolean {
  let changed = false;
  for (const { code, path } of issues) {
    if (code !== 'invalid_type' && code !== 'invalid_value') continue;
    const value = valueAt(source.value, path as Path);
    if (typeof value !== 'string' || !source.origins.has(pathId(path as Path))) continue;
    const plain = plainValue(value);
    if (plain === undefined) continue;
    const holder = valueAt(source.value, (path as Path).slice(0, -1)) as Record<string | number, unknown>;
    holder[path.at(-1) as string | number] = plain;
    changed = true;
  }
  return changed;
}

function plainValue(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : undefined;
}
