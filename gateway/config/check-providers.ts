/** Providers: a key where one is needed, and no way into the private network by accident. */
import type { Provider } from '../core/provider.ts';
import { isPrivateHost } from '../dial.ts';
import { providers as registry } from '../providers/index.ts';
import { urlFault } from './fields.ts';
import { finding, type Parts } from './parts.ts';
import type { Finding, Path } from './problem.ts';
import { isRecord } from './source.ts';

export function checkProviders({ providers }: Parts): readonly Finding[] {
  return providers.flatMap(([name, entry]) => (isRecord(entry) ? checkProvider(['providers', name], entry) : []));
}

function checkProvider(path: Path, entry: Record<string, unknown>): readonly Finding[] {
  const findings: Finding[] = [];
  const { api, key, keys, base_url: baseUrl } = entry;
  const provider = typeof api === 'string' && Object.hasOwn(registry, api) ? registry[api] : undefined;
  if (key !== undefined && keys !== undefined) {
    findings.push(finding([...path, 'keys'], 'either key or keys, not both: move the one into the list', 'key'));
  }
  if (provider) findings.push(...checkKey(path, provider, entry));
  if (provider?.baseUrl === '' && baseUrl !== undefined) {
    findings.push(finding([...path, 'base_url'], `api ${provider.name} calls nobody; remove base_url`, 'key'));
  }
  if (
    typeof baseUrl === 'string' &&
    urlFault(baseUrl, '') === undefined &&
    entry.allow_private !== true &&
    isPrivateHost(new URL(baseUrl).hostname)
  ) {
    findings.push(finding([...path, 'base_url'], 'a loopback or private address; add allow_private: true if that is meant'));
  }
  return findings;
}

function checkKey(path: Path, provider: Provider, { key, keys, base_url: baseUrl }: Record<string, unknown>): readonly Finding[] {
  const said = key !== undefined ? 'key' : keys !== undefined ? 'keys' : undefined;
  if (provider.auth === 'none') {
    return said === undefined ? [] : [finding([...path, said], `api ${provider.name} takes no key; remove it`, 'key')];
  }
  if (said !== undefined || baseUrl !== undefined) return [];
  return [finding(path, `its key is missing; add key: "\${${provider.environment[0] ?? 'KEY'}}"`, 'key')];
}
