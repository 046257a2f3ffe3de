/** What no entry can see by itself: names that lead nowhere, doors left open. Reads the raw values, so that one fault hides no other. */
import { checkKeys, checkTenants } from './check-callers.ts';
import { checkProviders } from './check-providers.ts';
import { checkPrices, checkRoutes } from './check-routes.ts';
import { entries, finding, items, type Parts } from './parts.ts';
import type { Finding } from './problem.ts';
import { isRecord, type Source } from './source.ts';

export function crossCheck(source: Source): readonly Finding[] {
  const { value } = source;
  const parts: Parts = {
    source,
    providers: entries(value.providers),
    routes: entries(value.routes),
    tenants: entries(value.tenants),
    keys: items(value.keys),
    prices: entries(value.prices),
    models: entries(value.models),
  };
  return [
    ...checkListening(parts),
    ...checkProviders(parts),
    ...checkRoutes(parts),
    ...checkTenants(parts),
    ...checkKeys(parts),
    ...checkPrices(parts),
  ];
}

/** Whoever can reach a port that asks for no key can spend the owner's money, or read the owner's records. */
function checkListening({ source, keys }: Parts): readonly Finding[] {
  const findings: Finding[] = [];
  const server = isRecord(source.value.server) ? source.value.server : {};
  const store = isRecord(source.value.store) ? source.value.store : {};
  if (isOpen(server.host) && keys.length === 0) {
    findings.push(
      finding(
        ['server', 'host'],
        'anyone who reaches this host could spend your money: add a key (`hindcast keys create NAME`), or write host: 127.0.0.1',
      ),
    );
  }
  const embedded = store.url === undefined || store.url === 'embedded';
  if (embedded && isOpen(store.host) && (store.password === undefined || store.password === null)) {
    findings.push(
      finding(['store', 'host'], 'anyone who reaches this host could read your records: add store.password, or write host: 127.0.0.1'),
    );
  }
  if (embedded && store.cluster !== undefined) {
    findings.push(
      finding(
        ['store', 'cluster'],
        'the embedded engine is no cluster: give the address of a ClickHouse server as store.url, or remove it',
      ),
    );
  }
  return findings;
}

const isOpen = (host: unknown): boolean => typeof host === 'string' && host !== '' && !isLoopback(host);

export const isLoopback = (host: string): boolean => /^127(?:\.\d{1,3}){3}$|^localhost$|^\[?::1\]?$/i.test(host);
