/** Builds an Account from a provider entry: the base URL with its fields filled in, and the credentials as Secrets. */
import type { AccountField, Provider } from '../../core/chat/provider.ts';
import { providers as registry } from '../../providers/index.ts';
import { Secret } from '../../settings/secret.ts';
import type { Account, ProbePolicy } from '../../settings/settings.ts';
import type { Config } from '../schema/schema.ts';
import { limitsOf } from './build-route.ts';

type Entry = Config['providers'][string];

/** The account of a checked provider entry. */
export function accountOf(name: string, entry: Entry): Account {
  const provider = registry[entry.api]!;
  const { api_version: version, region = entry.region } = fieldsOf(provider, entry);
  return {
    name,
    provider,
    baseUrl: (entry.base_url ?? baseUrlOf(provider, entry)).replace(/\/+$/, ''),
    ...(version === undefined ? {} : { query: `api-version=${version}` }),
    ...(region === undefined ? {} : { region }),
    ...keysOf(entry),
    allowPrivate: entry.allow_private,
    trace: entry.trace,
    ...(entry.prefill === undefined ? {} : { prefill: entry.prefill }),
    ...(entry.limits ? { limits: limitsOf(entry.limits) } : {}),
    ...(entry.probe ? { probe: probeOf(entry.probe) } : {}),
  };
}

const probeOf = ({ every, timeout, path }: NonNullable<Entry['probe']>): ProbePolicy => ({
  everyMs: every,
  timeoutMs: timeout,
  ...(path === undefined ? {} : { path }),
});

function fieldsOf({ account = {} }: Provider, entry: Entry): Partial<Record<AccountField, string>> {
  const names = Object.keys(account) as AccountField[];
  return Object.fromEntries(names.map(field => [field, entry[field] ?? account[field]]));
}

function baseUrlOf(provider: Provider, entry: Entry): string {
  const fields = fieldsOf(provider, entry);
  const filled = provider.baseUrl.replace(/\{(\w+)\}/g, (_, field: AccountField) => fields[field] ?? '');
  // Google's global endpoint has no region in its host name.
  return filled.replace('://global-aiplatform.', '://aiplatform.');
}

/** A weight on any key spreads calls over all of them. */
function keysOf(entry: Entry): Pick<Account, 'keys' | 'weights'> {
  const entries = (entry.keys ?? credentialsOf(entry)).map(one => (typeof one === 'string' ? { key: one } : one));
  const keys = entries.map(({ key }) => new Secret(key));
  if (entries.every(({ weight }) => weight === undefined)) return { keys };
  return { keys, weights: new Map(keys.map((key, i) => [key.fingerprint, entries[i]!.weight ?? 1])) };
}

function credentialsOf(entry: Entry): readonly string[] {
  const { key, credentials, access_key_id: id, secret_access_key: secret, session_token: token } = entry;
  const signing = id === undefined || secret === undefined ? undefined : [id, secret, ...(token === undefined ? [] : [token])].join(':');
  const credential = key ?? credentials ?? signing;
  return credential === undefined ? [] : [credential];
}
