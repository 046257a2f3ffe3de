/** The schema of the config: every key, its type, its default and its description. cross-checks.ts checks references between entries. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import { z } from 'zod';
import { providers } from '../../providers/index.ts';
import { serviceAccount } from '../../transport/google-token.ts';
import { budgets, key, tenant, webhooks } from './caller-schema.ts';
import {
  bytes,
  days,
  decimal,
  duration,
  expecting,
  list,
  name,
  oneOf,
  record,
  secret,
  section,
  text,
  url,
  urlOr,
  wholeNumber,
  yesOrNo,
} from './fields.ts';
import { price } from './price-schema.ts';
import { redactRules } from './redact-schema.ts';
import { route } from './route-schema.ts';
import { model, routing } from './routing-schema.ts';
import { hostText, port, server } from './server-schema.ts';
import { slo } from './slo-schema.ts';

const apis = Object.keys(providers) as [string, ...string[]];
const store = section('a map such as { url: embedded, path: ./hindcast-data }', {
  url: urlOr('embedded', 'http://clickhouse:8123')
    .default('embedded')
    .describe('`embedded` runs the ClickHouse engine beside the gateway; otherwise the HTTP URL of a ClickHouse server.'),
  path: text('a folder')
    .default('./hindcast-data')
    .describe('Folder of all written files, relative to this file; also used with a server.'),
  host: hostText().default('127.0.0.1').describe('Host of the embedded engine. Any host other than loopback needs `password`.'),
  port: port().default(8123).describe('Port of the embedded engine; 0 for any free port.'),
  username: text('a user name').default('default').describe('User of the ClickHouse server.'),
  password: text('a password').optional().describe("The server's password; for the embedded engine, the password of readers."),
  database: text('the name of a database').default('default').describe('Database on the ClickHouse server.'),
  cluster: text('the name of a cluster')
    .optional()
    .describe("Name of the server's cluster: tables are replicated and distributed over it."),
  search: yesOrNo().default(false).describe('Keep a full-text index of requests and responses, which takes two thirds more disk for them.'),
});

const recorder = section('a map such as { durability: process }', {
  durability: oneOf(['process', 'power', 'off'])
    .default('process')
    .describe('What a record survives once the caller has the end of the response: the death of any process, a power cut, or nothing.'),
  when_full: oneOf(['refuse', 'drop'])
    .default('refuse')
    .describe('When the spool is full: reject requests (503), or serve them and count the lost records.'),
  spool_max: bytes(2 ** 20, 2 ** 44)
    .prefault('1GiB')
    .describe('Size of the spool on disk at which it is full: 512MiB, 1GiB.'),
  payloads: oneOf(['full', 'metadata'])
    .default('full')
    .describe('What is recorded of requests and responses: everything, or no text of either.'),
  retention: section('a map such as { records: 90, payloads: 30 }', {
    records: days('Days until a record is deleted.').default(90),
    payloads: days('Days until the bytes of request and response are deleted; never later than their record.').default(30),
    scores: days('Days until feedback and judge scores are deleted.').default(365),
    replays: days('Days until the results of replays are deleted.').default(180),
    audit: days('Days until audit entries are deleted.').default(730),
  })
    .prefault({})
    .describe('How long records are kept.'),
  redact: redactRules.default([]).describe('What is redacted from payloads before they are written.'),
});

/** A part of a host name or a path: it has no character that could change the host. */
const addressPart = (what: string) =>
  z
    .string({ error: () => `expected ${what}` })
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: () => `expected ${what}: letters, digits, dots and dashes` });

const credentials = () =>
  text('"${file:/path/to/service-account.json}", or metadata').refine(
    value => value === 'metadata' || serviceAccount(value) !== undefined,
    'a service account is JSON with client_email and private_key: write "${file:/path/to/it.json}", or metadata',
  );
const perMinute = {
  rpm: wholeNumber('a number', 1, 1e9).optional().describe('Requests per minute, for each key and model.'),
  tpm: wholeNumber('a number', 1, 1e12).optional().describe('Tokens per minute, for each key and model.'),
};

const providerKey = z.union(
  [
    secret(`a key such as "\${OPENAI_API_KEY}", not empty`),
    section('a map such as { key: "…", weight: 2 }', {
      key: secret(`a key such as "\${OPENAI_API_KEY}", not empty`).describe('The key.'),
      weight: decimal('a weight', 0.001, 1_000).optional().describe('Its part of the calls, beside the other keys; 1 when absent.'),
    }),
  ],
  { error: () => `expected a key such as "\${OPENAI_API_KEY}", or a map such as { key: "…", weight: 2 }` },
);

const provider = section(`a map such as { api: openai, key: "\${OPENAI_API_KEY}" }`, {
  api: oneOf(apis).describe('Its wire format.'),
  key: secret(`a key such as "\${OPENAI_API_KEY}", not empty`)
    .optional()
    .describe(`Its key. Write "\${NAME}" or "\${file:/path}" rather than the key itself.`),
  keys: list('a list of keys', providerKey, 100)
    .min(1, { error: () => `expected at least one key; remove the list, or write "\${NAME}"` })
    .optional()
    .describe('Several keys, in order of preference; `{ key: "…", weight: 2 }` spreads calls over them.'),
  base_url: url('https://host/v1')
    .optional()
    .describe("Its base URL, when not the vendor's: with /v1 for openai, the root for anthropic and gemini."),
  region: addressPart('a region such as us-east-1')
    .optional()
    .describe(
      'Where the models run; `require: { region: [...] }` of routes reads it. For clouds, part of the base URL. Default `global` for vertex.',
    ),
  project: addressPart('the id of a project').optional().describe('For vertex: the Google Cloud project.'),
  resource: addressPart('the name of a resource').optional().describe('For azure: the name before `.openai.azure.com`.'),
  api_version: addressPart('a version such as 2024-10-21').optional().describe('For azure: the API version.'),
  access_key_id: secret(`an id such as "\${AWS_ACCESS_KEY_ID}"`)
    .optional()
    .describe('For bedrock: the access key id that signs requests, with secret_access_key.'),
  secret_access_key: secret(`a key such as "\${AWS_SECRET_ACCESS_KEY}"`).optional().describe('For bedrock: the key that signs requests.'),
  session_token: secret(`a token such as "\${AWS_SESSION_TOKEN}"`).optional().describe('For bedrock: the token of temporary credentials.'),
  credentials: credentials()
    .optional()
    .describe("For vertex: a service account's JSON, as `${file:/path}`, or `metadata` for the machine's account."),
  allow_private: yesOrNo().default(false).describe('Allow requests to loopback and private addresses, as a local model needs.'),
  trace: yesOrNo().default(false).describe('Forward `traceparent` to it.'),
  prefill: yesOrNo()
    .optional()
    .describe(
      'Its models continue a response whose beginning is the last message, which `on_break: continue` needs. When absent, known for Claude.',
    ),
  limits: section('a map such as { rpm: 600, tpm: 1000000 }', {
    ...perMinute,
    models: record('a map of limits by model', z.string(), section('a map such as { rpm: 600 }', perMinute))
      .optional()
      .describe('Limits of single models, by name without the provider.'),
  })
    .optional()
    .describe('Rate limits per key and model. When absent they are learned from the response headers.'),
  slo: slo(),
  probe: section('a map such as { every: 30s }', {
    every: duration(1_000, 3_600_000)
      .prefault('30s')
      .describe('Interval between probes; a response to a caller makes a probe unnecessary.'),
    timeout: duration(10, 60_000).prefault('5s').describe('How long the response may take.'),
    path: z
      .string({ error: () => expecting('a path such as /health') })
      .regex(/^\/[!-~]*$/, { error: () => expecting('a path such as /health') })
      .optional()
      .describe('The path after `base_url`. Default: the list of models.'),
  })
    .optional()
    .describe('Health probes: they find an outage before a caller does, and a provider that is back is used at once.'),
});

export const schema = section('a map of settings such as "routes:"', {
  server: server.prefault({}).describe('Host, port and processes of the gateway.'),
  store: store.prefault({}).describe('Where records are stored.'),
  recorder: recorder.prefault({}).describe('What is recorded, how durably, and for how long.'),
  state: section('a map such as { url: sqlite }', {
    url: z
      .string({ error: () => expecting('sqlite, or a URL such as redis://redis:6379') })
      .regex(/^(?:sqlite|rediss?:\/\/[^\s/]+.*)$/, { error: () => expecting('sqlite, or a URL such as redis://redis:6379') })
      .default('sqlite')
      .describe('Where budgets and rate limits are counted: a file of this gateway, or a Redis that several gateways share.'),
    when_down: oneOf(['refuse', 'local'])
      .default('refuse')
      .describe('While that Redis does not answer: `refuse` requests with a budget (503), or count them by this gateway alone (`local`).'),
  })
    .prefault({})
    .describe('State that several gateways can share.'),
  telemetry: section('a map such as { otlp: http://127.0.0.1:4318 }', {
    otlp: url('http://127.0.0.1:4318').optional().describe('Base URL of an OTLP/HTTP receiver of traces; off when absent.'),
    metrics: oneOf(['open', 'key'])
      .optional()
      .describe('Who may read /metrics: everybody, or keys of the role viewer or more. When absent, `key` as soon as there are `keys`.'),
    metrics_key: secret(`a key such as "\${METRICS_KEY}", not empty`)
      .optional()
      .describe('A key that may read /metrics and nothing else, for a scraper.'),
  })
    .prefault({})
    .describe('Export of traces, and access to metrics.'),
  flags: section('a map such as { provider: ./flags.js }', {
    provider: text('a module such as ./flags.js, or a package').describe(
      'A module or package whose default export is an OpenFeature server provider, or a function from `options` to one.',
    ),
    options: z.unknown().optional().describe('The argument of that function.'),
    timeout: duration(1, 10_000).prefault('50ms').describe('How long a request waits for its flag.'),
  })
    .optional()
    .describe('The provider of feature flags for routes.'),
  providers: record('a map of providers by name', name('the name of a provider'), provider)
    .default({})
    .describe('Providers by the name before the slash of a target. When absent, detected from the environment.'),
  routes: record('a map of routes by name', name('the name of a route'), route)
    .default({})
    .describe('Routes by the name that callers use as model: a target, a list of targets in order of fallback, or a map with `steps`.'),
  routing: routing.prefault({}).describe('Settings for all routes.'),
  models: record('a map of models by provider/model', z.string(), model)
    .default({})
    .describe('Features of models by provider/model; overrides the built-in catalogue.'),
  tenants: record('a map of tenants by name', name('the name of a tenant'), tenant)
    .default({})
    .describe('Tenants: what each may use and spend.'),
  budgets: list('a list of budgets', budgets, 1_000).default([]).describe('Budgets of their own, over tenants, tags, providers or models.'),
  webhooks: list('a list of webhooks', webhooks, 20).default([]).describe('URLs that are told of budgets and certificates.'),
  keys: list('a list of keys', key, 100_000).default([]).describe('API keys of callers; without any, callers need none.'),
  prices: record('a map of prices by provider/model', z.string(), price)
    .default({})
    .describe('Prices of models by provider/model, or by a beginning such as provider/* or provider/gpt-*; overrides the built-in table.'),
});

export type Config = z.output<typeof schema>;
