/** Checks providers: credentials where they are needed, and no private address without `allow_private`. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import type { Provider } from '../../core/chat/provider.ts';
import { providers as registry } from '../../providers/index.ts';
import { isPrivateHost } from '../../transport/address-guard.ts';
import { modelsPath } from '../../transport/models-request.ts';
import type { Finding, Path } from '../problem.ts';
import { urlProblem } from '../schema/fields.ts';
import { isRecord } from '../source/source.ts';
import { createFinding, type RawConfig } from './raw-config.ts';

/** Findings about credentials, base URLs, probes and fields of the base URL. */
export function checkProviders({ providers }: RawConfig): readonly Finding[] {
  return providers.flatMap(([name, entry]) => (isRecord(entry) ? checkProvider(['providers', name], entry) : []));
}

function checkProvider(path: Path, entry: Record<string, unknown>): readonly Finding[] {
  const findings: Finding[] = [];
  const { api, key, keys, base_url: baseUrl } = entry;
  const provider = typeof api === 'string' && Object.hasOwn(registry, api) ? registry[api] : undefined;
  if (key !== undefined && keys !== undefined) {
    findings.push(createFinding([...path, 'keys'], 'either key or keys, not both: move the key into the list', 'key'));
  }
  if (provider) findings.push(...checkKey(path, provider, entry), ...checkAccount(path, provider, entry));
  if (provider && entry.probe !== undefined && modelsPath({ provider }) === undefined) {
    findings.push(createFinding([...path, 'probe'], `api ${provider.name} has no free request to probe with; remove probe`, 'key'));
  }
  if (provider?.baseUrl === '' && baseUrl !== undefined) {
    findings.push(createFinding([...path, 'base_url'], `api ${provider.name} sends no requests; remove base_url`, 'key'));
  }
  if (provider && baseUrl === undefined && entry.allow_private !== true && isPrivateHost(URL.parse(provider.baseUrl)?.hostname ?? '')) {
    findings.push(createFinding(path, `api ${provider.name} listens at ${provider.baseUrl}; add allow_private: true`, 'key'));
  }
  if (
    typeof baseUrl === 'string' &&
    urlProblem(baseUrl, '') === undefined &&
    entry.allow_private !== true &&
    isPrivateHost(new URL(baseUrl).hostname)
  ) {
    findings.push(createFinding([...path, 'base_url'], 'a loopback or private address; add allow_private: true if that is intended'));
  }
  return findings;
}

const signingFields = ['access_key_id', 'secret_access_key', 'session_token'] as const;
/** The credential fields of each kind of authentication. */
const credentialFields: Readonly<Record<Provider['auth'], readonly string[]>> = {
  none: [],
  bearer: ['key', 'keys'],
  'api-key': ['key', 'keys'],
  'x-api-key': ['key', 'keys'],
  'x-goog-api-key': ['key', 'keys'],
  aws: ['key', 'keys', ...signingFields],
  google: ['key', 'keys', 'credentials'],
};
const allCredentialFields = ['key', 'keys', ...signingFields, 'credentials'];

function checkKey(path: Path, provider: Provider, entry: Record<string, unknown>): readonly Finding[] {
  const supported = credentialFields[provider.auth];
  const given = allCredentialFields.filter(name => entry[name] !== undefined);
  const shownName = (name: string): string => (name === 'keys' ? 'key' : name);
  const unsupported = given.filter(name => !supported.includes(name));
  if (unsupported.length > 0) {
    return unsupported.map(name => createFinding([...path, name], `api ${provider.name} takes no ${shownName(name)}; remove it`, 'key'));
  }
  if (signingFields.some(name => entry[name] !== undefined)) return checkSigning(path, entry);
  if (given.length > 0 || entry.base_url !== undefined || provider.auth === 'none' || provider.keyOptional) return [];
  return [createFinding(path, missingCredential(provider), 'key')];
}

function missingCredential({ auth, environment }: Provider): string {
  switch (auth) {
    case 'aws':
      return 'its credentials are missing; add access_key_id: "${AWS_ACCESS_KEY_ID}" and secret_access_key: "${AWS_SECRET_ACCESS_KEY}"';
    case 'google':
      return 'its credentials are missing; add credentials: "${file:/path/to/service-account.json}", or credentials: metadata';
    default:
      return `its key is missing; add key: "\${${environment[0] ?? 'KEY'}}"`;
  }
}

function checkSigning(path: Path, entry: Record<string, unknown>): readonly Finding[] {
  if (entry.key !== undefined || entry.keys !== undefined) {
    return [createFinding([...path, 'access_key_id'], 'either a key or the credentials that sign requests, not both: remove one', 'key')];
  }
  return (['access_key_id', 'secret_access_key'] as const)
    .filter(name => entry[name] === undefined)
    .map(name => createFinding(path, `its ${name} is missing; requests are signed with both`, 'key'));
}

const accountFields = ['region', 'project', 'resource', 'api_version'] as const;

/** The fields of the base URL. AWS also needs the region to sign requests. */
function checkAccount(path: Path, { name, account = {}, auth }: Provider, entry: Record<string, unknown>): readonly Finding[] {
  return accountFields.flatMap(field => {
    const needed = account[field];
    if (needed === undefined) {
      // Any provider may have a region: `require` of routes reads it.
      return entry[field] === undefined || field === 'region'
        ? []
        : [createFinding([...path, field], `api ${name} takes no ${field}; remove it`, 'key')];
    }
    const isAddressed = entry.base_url !== undefined && !(auth === 'aws' && field === 'region' && entry.access_key_id !== undefined);
    if (needed !== '' || entry[field] !== undefined || isAddressed) return [];
    return [createFinding(path, `its ${field} is missing; add ${field}: …, which is part of its address`, 'key')];
  });
}
