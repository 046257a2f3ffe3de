/** Checks across entries: unknown names, exposed hosts. They read the raw values, so that one problem hides no other. */

import type { Finding } from '../problem.ts';
import { isRecord, type Source } from '../source/source.ts';
import { checkKeys, checkTenants } from './check-callers.ts';
import { checkProviders } from './check-providers.ts';
import { checkPrices, checkRoutes } from './check-routes.ts';
import { createFinding, entries, items, type RawConfig } from './raw-config.ts';

/** All findings of the checks across entries. */
export function crossCheck(source: Source): readonly Finding[] {
  const { value } = source;
  const parts: RawConfig = {
    source,
    providers: entries(value.providers),
    routes: entries(value.routes),
    tenants: entries(value.tenants),
    keys: items(value.keys),
    prices: entries(value.prices),
    models: entries(value.models),
  };
  return [
    ...checkExposedHosts(parts),
    ...checkProviders(parts),
    ...checkRoutes(parts),
    ...checkTenants(parts),
    ...checkKeys(parts),
    ...checkPrices(parts),
  ];
}

/** A host beyond loopback without a key or a password exposes the provider accounts or the records. */
function checkExposedHosts({ source, keys }: RawConfig): readonly Finding[] {
  const findings: Finding[] = [];
  const server = isRecord(source.value.server) ? source.value.server : {};
  const store = isRecord(source.value.store) ? source.value.store : {};
  if (isExposed(server.host) && keys.length === 0) {
    findings.push(
      createFinding(
        ['server', 'host'],
        'anyone who can reach this host could use your provider accounts: add a key (`hindcast keys create NAME`), or write host: 127.0.0.1',
      ),
    );
  }
  const embedded = store.url === undefined || store.url === 'embedded';
  if (embedded && isExposed(store.host) && (store.password === undefined || store.password === null)) {
    findings.push(
      createFinding(
        ['store', 'host'],
        'anyone who can reach this host could read your records: add store.password, or write host: 127.0.0.1',
      ),
    );
  }
  if (embedded && store.cluster !== undefined) {
    findings.push(
      createFinding(['store', 'cluster'], 'the embedded engine has no cluster: set store.url to a ClickHouse server, or remove cluster'),
    );
  }
  return findings;
}

const isExposed = (host: unknown): boolean => typeof host === 'string' && host !== '' && !isLoopback(host);

/** Whether a configured host means this machine alone. */
export const isLoopback = (host: string): boolean => /^127(?:\.\d{1,3}){3}$|^localhost$|^\[?::1\]?$/i.test(host);
