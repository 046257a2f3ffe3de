/** Builds tenants, keys, budgets and webhooks from their entries; amounts in nano-dollars. */
import { Secret } from '../../settings/secret.ts';
import type { CallerKey, Caps, SharedBudget, Tenant, Webhook } from '../../settings/settings.ts';
import type { Config } from '../schema/schema.ts';

/** The tenants by name, with `default`, which always exists. */
export function tenantsOf(tenants: Config['tenants']): ReadonlyMap<string, Tenant> {
  const all = new Map<string, Tenant>([['default', { name: 'default', routes: undefined }]]);
  for (const [name, { routes, retention, projects, users, ...caps }] of Object.entries(tenants)) {
    all.set(name, {
      name,
      routes,
      ...(retention ? { retention: retentionOf(retention) } : {}),
      ...capsOf(caps),
      ...(projects ? { projects: new Map(Object.entries(projects).map(([project, entry]) => [project, capsOf(entry)])) } : {}),
      ...(users ? { users: new Map(Object.entries(users).map(([user, entry]) => [user, capsOf(entry)])) } : {}),
    });
  }
  return all;
}

const retentionOf = ({ records, payloads }: NonNullable<Config['tenants'][string]['retention']>): NonNullable<Tenant['retention']> => ({
  ...(records === undefined ? {} : { records }),
  ...(payloads === undefined ? {} : { payloads }),
});

/** The keys by the sha256 of the whole key, in hex. */
export function keysOf(keys: Config['keys']): ReadonlyMap<string, CallerKey> {
  return new Map(
    keys.map(({ hash, name, tenant, project, user, role, ...caps }) => [
      hash.slice(7).toLowerCase(),
      { name, tenant, project, user, role, ...capsOf(caps) },
    ]),
  );
}

function capsOf({ budget, limits }: Pick<Config['tenants'][string], 'budget' | 'limits'>): Caps {
  return {
    ...(budget ? { budget: budgetOf(budget) } : {}),
    ...(limits && 'bytes_in_flight' in limits && limits.bytes_in_flight !== undefined ? { bytesInFlight: limits.bytes_in_flight } : {}),
    ...(limits
      ? {
          limits: defined({
            requestsPerMinute: limits.rpm,
            tokensPerMinute: limits.tpm,
            requestsPerDay: limits.rpd,
            tokensPerDay: limits.tpd,
            maxParallel: limits.max_parallel,
          }),
        }
      : {}),
  };
}

const defined = <Members extends object>(members: Members): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;

const budgetOf = ({
  usd,
  per,
  unpriced,
  warn_at: warnAt,
}: NonNullable<Config['tenants'][string]['budget']>): NonNullable<Caps['budget']> => ({
  nanoUsd: Math.round(usd * 1e9),
  per,
  ...(unpriced === 'allow' ? { allowsUnpriced: true as const } : {}),
  ...(warnAt === undefined ? {} : { warnAt }),
});

/** `match: { tag.team: [a, b], provider: openai }`. */
export function sharedBudgetOf({ name, match, ...budget }: Config['budgets'][number]): SharedBudget {
  const values = (key: string): readonly string[] | undefined => {
    const value = match[key];
    return value === undefined ? undefined : typeof value === 'string' ? [value] : value;
  };
  const tags = Object.keys(match).filter(key => key.startsWith('tag.'));
  return {
    name,
    match: {
      ...defined({ tenants: values('tenant'), providers: values('provider'), models: values('model') }),
      tags: Object.fromEntries(tags.map(tag => [tag.slice(4), values(tag)!])),
    },
    budget: budgetOf(budget),
  };
}

/** The webhook of an entry; its secret is wrapped. */
export const webhookOf = ({ url, secret, events }: Config['webhooks'][number]): Webhook => ({
  url,
  secret: secret === undefined ? undefined : new Secret(secret),
  events,
});
