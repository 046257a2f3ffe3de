/** The config's name on every record: the same for the same meaning, however it is written, and without a secret in it. */
import { createHash } from 'node:crypto';
import { Secret } from '../../settings/secret.ts';
import { isSecretPath } from '../checks/schema-findings.ts';
import { isRecord } from '../source/source.ts';

export const hashConfig = (config: unknown): string => createHash('sha256').update(hashInput(config)).digest('hex').slice(0, 16);

/** JSON with sorted keys, secrets, and what may hold one, as fingerprints. */
export const hashInput = (config: unknown): string => JSON.stringify(canonical(config, []));

function canonical(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map(item => canonical(item, [...path, '*']));
  if (isRecord(value)) {
    const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([name, inner]) => [name, canonical(inner, [...path, name])]);
  }
  return typeof value === 'string' && isSecretPath(path) ? { secret: new Secret(value).fingerprint } : value;
}
