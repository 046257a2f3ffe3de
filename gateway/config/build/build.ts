/** Builds Settings from the parsed config: defaults applied, secrets wrapped, everything frozen. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Json } from '../../core/chat/json.ts';
import { Secret } from '../../settings/secret.ts';
import type { CertificateSettings, Objective, Settings } from '../../settings/settings.ts';
import type { CertificateEntry } from '../schema/route-options-schema.ts';
import type { Config } from '../schema/schema.ts';
import { accountOf } from './account.ts';
import { factsOf, routeOf, routingOf } from './build-route.ts';
import { keysOf, sharedBudgetOf, tenantsOf, webhookOf } from './callers.ts';

export interface Origin {
  readonly hash: string;
  readonly file: string | undefined;
  /** Relative paths start here. */
  readonly directory: string;
}

/** The settings of a config that has passed all checks. */
export function buildSettings(config: Config, { hash, file, directory }: Origin): Settings {
  const { server, store, recorder, telemetry } = config;
  return deepFreeze({
    hash,
    file,
    server: serverOf(server, directory),
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
    state: {
      url: config.state.url === 'sqlite' ? 'sqlite' : new Secret(config.state.url),
      ...(config.state.when_down === 'local' ? { whenDown: 'local' as const } : {}),
    },
    telemetry: {
      otlp: telemetry.otlp,
      metrics: telemetry.metrics,
      metricsKey: telemetry.metrics_key === undefined ? undefined : new Secret(telemetry.metrics_key),
    },
    ...(config.flags ? { flags: flagsOf(config.flags, directory) } : {}),
    providers: new Map(Object.entries(config.providers).map(([name, entry]) => [name, accountOf(name, entry)])),
    routes: new Map(Object.entries(config.routes).map(([name, entry]) => [name, routeOf(name, entry)])),
    certificates: certificatesOf(config.routes, directory),
    objectives: [...objectivesOf('route', config.routes), ...objectivesOf('provider', config.providers)],
    tenants: tenantsOf(config.tenants),
    ...(config.budgets.length > 0 ? { budgets: config.budgets.map(sharedBudgetOf) } : {}),
    ...(config.webhooks.length > 0 ? { webhooks: config.webhooks.map(webhookOf) } : {}),
    keys: keysOf(config.keys),
    prices: config.prices as Settings['prices'],
    models: Object.fromEntries(Object.entries(config.models).map(([target, entry]) => [target, factsOf(entry)])),
    routing: routingOf(config.routing),
  });
}

function serverOf({ host, port, workers, ...rest }: Config['server'], directory: string): Settings['server'] {
  const { cors, tls } = rest;
  const headers = cors.headers.map(name => name.toLowerCase());
  const at = (path: string): string => resolve(directory, path);
  return {
    ...{ host, port, workers: workers === 'auto' ? availableParallelism() : workers },
    ...{ backlog: rest.backlog, bytesInFlight: rest.bytes_in_flight, decodeRatioMax: rest.decode_ratio_max },
    ...(cors.origins.length > 0 ? { cors: { origins: cors.origins, headers, maxAgeMs: cors.max_age } } : {}),
    ...(tls ? { tls: { cert: at(tls.cert), key: at(tls.key), ...(tls.client_ca ? { clientCa: at(tls.client_ca) } : {}) } } : {}),
  };
}

const objectivesOf = (scope: Objective['scope'], entries: Config['routes'] | Config['providers']): readonly Objective[] =>
  Object.entries(entries).flatMap(([name, entry]) => {
    const slo = typeof entry === 'object' && 'slo' in entry ? entry.slo : undefined;
    return slo ? [{ scope, name, p95Ms: slo.p95, firstTokenP95Ms: slo.ttft_p95, errorRate: slo.error_rate }] : [];
  });

const flagsOf = ({ provider, options, timeout }: NonNullable<Config['flags']>, directory: string): NonNullable<Settings['flags']> => ({
  provider: provider.startsWith('.') ? resolve(directory, provider) : provider,
  directory,
  options: (options ?? null) as Json,
  timeoutMs: timeout,
});

const certificatesOf = (routes: Config['routes'], directory: string): ReadonlyMap<string, CertificateSettings> =>
  new Map(
    Object.entries(routes).flatMap(([name, entry]) =>
      typeof entry === 'object' && 'certificate' in entry && entry.certificate !== undefined
        ? [[name, certificateOf(entry.certificate, directory)] as const]
        : [],
    ),
  );

function certificateOf(entry: CertificateEntry, directory: string): CertificateSettings {
  const { file, monitor, on_breach: onBreach = 'warn', score, strict } = typeof entry === 'string' ? { file: entry } : entry;
  return {
    file: resolve(directory, file),
    isMonitored: monitor === 'audit',
    onBreach,
    ...(score === undefined ? {} : { score }),
    strict: strict ?? Number.MAX_VALUE,
  };
}

/** Freezes everything but providers, which are code. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Secret || Object.isFrozen(value)) return value;
  if (value instanceof Map) for (const inner of value.values()) deepFreeze(inner);
  else for (const [name, inner] of Object.entries(value)) if (name !== 'provider') deepFreeze(inner);
  return Object.freeze(value);
}
