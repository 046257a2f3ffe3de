/** Checks tenants and keys: unknown routes and tenants, duplicate keys. */
import type { Finding } from '../problem.ts';
import { isRecord } from '../source/source.ts';
import { checkTarget } from './check-target.ts';
import { createFinding, items, namesOf, type RawConfig, unknownName } from './raw-config.ts';

/** Findings about unknown routes and targets of tenants. */
export function checkTenants(parts: RawConfig): readonly Finding[] {
  const routes = namesOf(parts.routes);
  return parts.tenants.flatMap(([name, tenant]) =>
    items(isRecord(tenant) ? tenant.routes : undefined).flatMap((allowed, i): readonly Finding[] => {
      const path = ['tenants', name, 'routes', i];
      if (typeof allowed !== 'string' || allowed === '' || routes.includes(allowed)) return [];
      if (allowed.includes('*')) return [createFinding(path, 'there are no wildcards; name each route and target')];
      if (allowed.includes('/')) return checkTarget(parts, path, allowed);
      return [unknownName('route', allowed, routes, path, parts.source)];
    }),
  );
}

/** Findings about unknown tenants, and duplicate names and hashes of keys. */
export function checkKeys(parts: RawConfig): readonly Finding[] {
  const tenants = [...namesOf(parts.tenants), 'default'];
  const names = new Map<unknown, number>();
  const hashes = new Map<unknown, number>();
  return parts.keys.flatMap((key, i): readonly Finding[] => {
    if (!isRecord(key)) return [];
    const { name, tenant, hash, role = 'caller' } = key;
    const findings: Finding[] = [];
    const path = ['keys', i];
    if (tenant === '*') {
      if (role === 'caller')
        findings.push(createFinding([...path, 'tenant'], 'a caller belongs to one tenant; "*" is for the roles viewer, analyst and admin'));
    } else if (typeof tenant === 'string' && tenant !== '' && !tenants.includes(tenant)) {
      findings.push(unknownName('tenant', tenant, tenants, [...path, 'tenant'], parts.source, '; add it to `tenants`'));
    }
    const sameName = typeof name === 'string' ? earlierIndex(names, name, i) : undefined;
    if (sameName !== undefined) findings.push(createFinding([...path, 'name'], `keys[${sameName}] has the same name; rename one`));
    const sameHash = typeof hash === 'string' ? earlierIndex(hashes, hash.toLowerCase(), i) : undefined;
    if (sameHash !== undefined)
      findings.push(createFinding([...path, 'hash'], `keys[${sameHash}] is the same key; remove one, or create another`));
    return findings;
  });
}

/** The index of the first entry with this value, when it is not this one. */
function earlierIndex(seen: Map<unknown, number>, value: string, i: number): number | undefined {
  const earlier = seen.get(value);
  if (earlier === undefined) seen.set(value, i);
  return earlier;
}
