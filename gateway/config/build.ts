/** From what was written to Settings: defaults spread over steps, secrets wrapped, everything frozen. */
import { resolve } from 'node:path';
import type { Accept } from '../core/signal.ts';
import { Secret } from '../secret.ts';
import { type CallerKey, type ConfiguredStep, type Route, routeDefaults, type Settings, stepDefaults, type Tenant } from '../settings.ts';
import { accountOf } from './account.ts';
import { acceptSignals, type RouteConfig, type WrittenAccept } from './route-schema.ts';
import type { Config } from './schema.ts';

export interface Origin {
  readonly hash: string;
  readonly file: string | undefined;
  /** Relative paths start here. */
  readonly directory: string;
}

export function buildSettings(config: Config, { hash, file, directory }: Origin): Settings {
  const { server, store, recorder, telemetry } = config;
  return frozen({
    hash,
    file,
    server,
    store: {
      ...store,
      cluster: store.cluster,
      path: resolve(directory, store.path),
      password: store.password === undefined ? undefined : new Secret(store.password),
    },
    recorder: {
      durability: recorder.durability,
      whenFull: recorder.when_full,
      spoolBytesMax: recorder.spool_max,
      payloads: recorder.payloads,
      redact: recorder.redact.map(rule => (typeof rule === 'string' ? { name: rule } : rule)),
      retention: recorder.retention,
    },
    telemetry: { otlp: telemetry.otlp },
    providers: new Map(Object.entries(config.providers).map(([name, entry]) => [name, accountOf(name, entry)])),
    routes: new Map(Object.entries(config.routes).map(([name, entry]) => [name, routeOf(name, entry)])),
    tenants: tenantsOf(config.tenants),
    keys: keysOf(config.keys),
    prices: pricesOf(config.prices),
  });
}

function routeOf(name: string, entry: RouteConfig): Route {
  if (typeof entry === 'string' || Array.isArray(entry)) {
    const targets = typeof entry === 'string' ? [entry] : entry;
    return { name, ...routeDefaults, steps: targets.map(target => ({ target, ...stepDefaults })) };
  }
  return {
    name,
    deadlineMs: entry.deadline,
    onUnsupported: entry.on_unsupported,
    steps: entry.steps.map(
      (step): ConfiguredStep => ({
        target: step.target,
        timeoutMs: step.timeout ?? entry.timeout ?? stepDefaults.timeoutMs,
        retries: step.retries ?? entry.retries ?? stepDefaults.retries,
        backoffMs: step.backoff ?? entry.backoff ?? stepDefaults.backoffMs,
        ...(step.accept ? { accept: acceptOf(step.accept) } : {}),
        ...(step.hedge_after === undefined ? {} : { hedgeAfter: step.hedge_after }),
      }),
    ),
  };
}

/** The schema lets exactly one key through. */
function acceptOf(written: WrittenAccept): Accept {
  if (written.all) return { all: written.all.map(acceptOf) };
  if (written.any) return { any: written.any.map(acceptOf) };
  const signal = acceptSignals.find(name => written[name] !== undefined)!;
  return { signal, atLeast: written[signal]! };
}

function tenantsOf(tenants: Config['tenants']): ReadonlyMap<string, Tenant> {
  const all = new Map<string, Tenant>([['default', { name: 'default', routes: undefined }]]);
  for (const [name, { routes, retention }] of Object.entries(tenants))
    all.set(name, { name, routes, ...(retention ? { retention: daysOf(retention) } : {}) });
  return all;
}

const daysOf = ({ records, payloads }: NonNullable<Config['tenants'][string]['retention']>): NonNullable<Tenant['retention']> => ({
  ...(records === undefined ? {} : { records }),
  ...(payloads === undefined ? {} : { payloads }),
});

function keysOf(keys: Config['keys']): ReadonlyMap<string, CallerKey> {
  return new Map(
    keys.map(({ hash, name, tenant, project, user, role }) => [hash.slice(7).toLowerCase(), { name, tenant, project, user, role }]),
  );
}

function pricesOf(prices: Config['prices']): Settings['prices'] {
  return Object.fromEntries(
    Object.entries(prices).map(([target, { input, output, cached, cache_write }]) => [
      target,
      { input, output, ...(cached === undefined ? {} : { cached }), ...(cache_write === undefined ? {} : { cache_write }) },
    ]),
  );
}

/** Providers are code, not data, and stay as they are. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Secret || Object.isFrozen(value)) return value;
  if (value instanceof Map) for (const inner of value.values()) frozen(inner);
  else for (const [name, inner] of Object.entries(value)) if (name !== 'provider') frozen(inner);
  return Object.freeze(value);
}
