/** The config hash on every record: equal for configs with equal values, whatever their text; it reveals no secret. */
import { createHash } from 'node:crypto';
import { Secret } from '../../settings/secret.ts';
import { isSecretPath } from '../checks/schema-findings.ts';
import { isRecord } from '../source/source.ts';

/** The config hash: 16 hex digits. */
export const hashConfig = (config: unknown): string => createHash('sha256').update(hashInput(config)).digest('hex').slice(0, 16);

/** JSON with sorted keys. Secrets, and values that may hold one, are replaced by fingerprints. */
export const hashInput = (config: unknown): string => JSON.stringify(canonical(config, []));

function canonical(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map(item => canonical(item, [...path, '*']));
  if (isRecord(value)) {
    const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([name, inner]) => [name, canonical(inner, [...path, name])]);
  }
  return typeof value === 'string' && isSecretPath(path) ? { secret: new Secret(value).fingerprint } : value;
}
