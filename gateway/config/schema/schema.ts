// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
/** Every key of the config, its kind, its default and what it means. What an entry cannot see, cross-checks.ts checks. */
import { z } from 'zod';
import { periods } from '../../core/money/budget.ts';
import { providers } from '../../providers/index.ts';
import { serviceAccount } from '../../transport/google-token.ts';
import {
  bytes,
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
import { redactRules } from './redact-schema.ts';
import { route } from './route-schema.ts';
import { model, routing } from './routing-schema.ts';

const apis = Object.keys(providers) as [string, ...string[]];
const port = () => wholeNumber('a port', 0, 65535);
const hostText = () => text('a host name or address such as 127.0.0.1');

const server = section('a map such as { host: 127.0.0.1, port: 4000 }', {
  host: hostText().default('127.0.0.1').describe('Where the gateway listens. Any other host than loopback needs `keys`.'),
  port: port().default(4000).describe('0 takes any free port.'),
  workers: z
    .union([z.literal('auto'), wholeNumber('a number of processes', 1, 64)], {
      error: () => 'expected a number of processes from 1 to 64, or auto',
    })
    .default(1)
    .describe('Processes that serve requests; `auto` makes one for each core.'),
});

const store = section('a map such as { url: embedded, path: ./hindcast-data }', {
  url: urlOr('embedded', 'http://clickhouse:8123')
    .default('embedded')
    .describe('`embedded` runs the ClickHouse engine beside the gateway; else the HTTP address of a ClickHouse server.'),
  path: text('a folder')
    .default('./hindcast-data')
    .describe('Folder of everything that is written, relative to this file; also with a server.'),
  host: hostText().default('127.0.0.1').describe('Where the embedded engine listens. Any other host than loopback needs `password`.'),
  port: port().default(8123).describe('Where the embedded engine listens; 0 takes any free port.'),
  username: text('a user name').default('default').describe('As whom a ClickHouse server is spoken to.'),
  password: text('a password').optional().describe("The server's password; of the embedded engine, what readers must say."),
  database: text('the name of a database').default('default').describe('Database on a ClickHouse server.'),
  cluster: text('the name of a cluster')
    .optional()
    .describe("Name of the server's cluster: tables are made on all of it, replicated and distributed."),
  search: yesOrNo().default(false).describe('Keep a full-text index of requests and answers, which takes two thirds more room for them.'),
});

const days = (what: string) => wholeNumber('a number of days', 1, 36_500).describe(what);

const recorder = section('a map such as { durability: process }', {
  durability: oneOf(['process', 'power', 'off'])
    .default('process')
    .describe('What a finished record survives before the caller sees the end: the death of any process, a power cut, or nothing.'),
  when_full: oneOf(['refuse', 'drop'])
    .default('refuse')
    .describe('When the spool is full: refuse requests (503), or answer and count the lost records.'),
  spool_max: bytes(2 ** 20, 2 ** 44)
    .prefault('1GiB')
    .describe('Size of the spool on disk at which it is full: 512MiB, 1GiB.'),
  payloads: oneOf(['full', 'metadata'])
    .default('full')
    .describe('How much of requests and answers is kept: everything, or no text of either.'),
  retention: section('a map such as { records: 90, payloads: 30 }', {
    records: days('Days until a record is deleted.').default(90),
    payloads: days('Days until the bytes of request and answer are deleted; never later than their record.').default(30),
    scores: days('Days until feedback and judgements are deleted.').default(365),
    replays: days('Days until the results of replays are deleted.').default(180),
    audit: days('Days until entries of the audit are deleted.').default(730),
  })
    .prefault({})
    .describe('How long records are kept.'),
  redact: redactRules.default([]).describe('What is taken out of payloads before they are kept.'),
});

/** Part of an address, so that no letter of it can lead elsewhere. */
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

const provider = section(`a map such as { api: openai, key: "\${OPENAI_API_KEY}" }`, {
  api: oneOf(apis).describe('The wire format it speaks.'),
  key: secret(`a key such as "\${OPENAI_API_KEY}", not empty`)
    .optional()
    .describe(`Its key. Write "\${NAME}" or "\${file:/path}" rather than the key itself.`),
  keys: list('a list of keys', secret(`a key such as "\${OPENAI_API_KEY}", not empty`), 100)
    .min(1, { error: () => `expected at least one key; remove the list, or write "\${NAME}"` })
    .optional()
    .describe('Several keys, in order of preference.'),
  base_url: url('https://host/v1')
    .optional()
    .describe("Where it listens, when not at its maker's: with /v1 for openai, the root for anthropic and gemini."),
  region: addressPart('a region such as us-east-1')
    .optional()
    .describe(
      'Where the model runs, as `require: { region: [...] }` of routes asks for it; of a cloud, part of its address. `global` for vertex unless said.',
    ),
  project: addressPart('the id of a project').optional().describe('Of vertex: the Google Cloud project.'),
  resource: addressPart('the name of a resource').optional().describe('Of azure: the name before `.openai.azure.com`.'),
  api_version: addressPart('a version such as 2024-10-21').optional().describe('Of azure: the version of its API.'),
  access_key_id: secret(`an id such as "\${AWS_ACCESS_KEY_ID}"`)
    .optional()
    .describe('Of bedrock: who signs the calls, with secret_access_key.'),
  secret_access_key: secret(`a key such as "\${AWS_SECRET_ACCESS_KEY}"`).optional().describe('Of bedrock: what the calls are signed with.'),
  session_token: secret(`a token such as "\${AWS_SESSION_TOKEN}"`).optional().describe('Of bedrock: the token of credentials that end.'),
  credentials: credentials()
    .optional()
    .describe("Of vertex: a service account's JSON, as `${file:/path}`, or `metadata` for the machine's own account."),
  allow_private: yesOrNo().default(false).describe('Allow calls to loopback and private addresses, as a model on this machine needs.'),
  trace: yesOrNo().default(false).describe('Pass `traceparent` on to it.'),
  prefill: yesOrNo()
    .optional()
    .describe(
      'Its models go on with an answer whose beginning stands as the last message, as `on_break: continue` needs; known of Claude when absent.',
    ),
  limits: section('a map such as { rpm: 600, tpm: 1000000 }', {
    ...perMinute,
    models: record('a map of limits by model', z.string(), section('a map such as { rpm: 600 }', perMinute))
      .optional()
      .describe('Of single models, by their name without the provider.'),
  })
    .optional()
    .describe('How fast each of its keys may be asked each model. Learned from what the provider says when absent.'),
  probe: section('a map such as { every: 30s }', {
    every: duration(1_000, 3_600_000).prefault('30s').describe('How often, as long as no caller was answered by it meanwhile.'),
    timeout: duration(10, 60_000).prefault('5s').describe('How long it may take to answer.'),
    path: z
      .string({ error: () => expecting('a path such as /health') })
      .regex(/^\/[!-~]*$/, { error: () => expecting('a path such as /health') })
      .optional()
      .describe('What is asked, after `base_url`. When absent, which models there are.'),
  })
    .optional()
    .describe(
      'Ask it beside all callers whether it lives: a dead one is found before a caller is, and one that came back is tried at once.',
    ),
});

const caps = () => ({
  budget: section('a map such as { usd: 500, per: month }', {
    usd: decimal('USD', 0, 1_000_000).describe('What may be spent in a period.'),
    per: oneOf(periods).default('month').describe('Days, weeks (from Monday) and months are in UTC; `total` never begins anew.'),
    unpriced: oneOf(['refuse', 'allow'])
      .default('refuse')
      .describe('A model whose price is not known: refused (400 price_unknown), or asked and counted as free.'),
  })
    .optional()
    .describe('A request is refused (429 budget_exceeded) when what is left does not reach for it.'),
  limits: section('a map such as { rpm: 600, tpm: 1000000 }', {
    rpm: wholeNumber('requests per minute', 1, 1_000_000_000).optional().describe('Requests per minute.'),
    tpm: wholeNumber('tokens per minute', 1, 1_000_000_000_000).optional().describe('Tokens per minute, of request and answer.'),
  })
    .optional()
    .describe('A request over it is refused (429 rate_limit_exceeded) and told how long to wait.'),
});

const limitsByName = (what: string) =>
  record(`a map of ${what}s by name`, z.string().max(256), section('a map such as { budget: { usd: 5, per: day } }', caps()))
    .optional()
    .describe(`Budgets and limits of each ${what}, by name; \`*\` is each of the others.`);

const tenant = section('a map such as { routes: [fast, chat] }', {
  routes: list('a list of routes and targets', text('the name of a route, or provider/model'), 1000)
    .optional()
    .describe('Routes and targets it may ask; all when absent, none when empty.'),
  retention: section('a map such as { records: 30, payloads: 7 }', {
    records: days("Days until one of this tenant's records is deleted.").optional(),
    payloads: days('Days until the bytes of its requests and answers are deleted.').optional(),
  })
    .optional()
    .describe("How long this tenant's records are kept, where that is not `recorder.retention`."),
  ...caps(),
  projects: limitsByName('project'),
  users: limitsByName('user'),
});

const key = section('a map such as { name: web, hash: "sha256:…" }', {
  name: text('a name')
    .max(100, { error: () => 'expected a name of at most 100 characters' })
    .describe('Who holds it; stands in records.'),
  hash: z
    .string({ error: () => 'expected "sha256:" and 64 hex digits' })
    .regex(/^sha256:[0-9a-fA-F]{64}$/, {
      error: () => 'expected "sha256:" and 64 hex digits: the sha256 of the whole key, as `hindcast keys create` prints it',
    })
    .describe('`sha256:` and the sha256 of the whole key in hex. `hindcast keys create NAME` mints one.'),
  tenant: text('the name of a tenant').default('default').describe('The tenant it belongs to, one of `tenants`.'),
  project: z
    .string({ error: () => 'expected text' })
    .default('')
    .describe('Stands in records.'),
  user: z
    .string({ error: () => 'expected text' })
    .default('')
    .describe('Stands in records.'),
  role: oneOf(['caller', 'admin']).default('caller').describe('`admin` may use /admin as well.'),
  ...caps(),
});

const usd = () => decimal('USD per million tokens', 0, 1_000_000);
const price = section('a map such as { input: 1.25, output: 10 }', {
  input: usd().describe('USD per million tokens of the request.'),
  output: usd().describe('USD per million tokens of the answer.'),
  cached: usd().optional().describe('USD per million tokens read from the cache; as dear as input when absent.'),
  cache_write: usd().optional().describe('USD per million tokens written to the cache; as dear as input when absent.'),
  cache_write_1h: usd()
    .optional()
    .describe('USD per million tokens written to the cache for an hour; as dear as other writes when absent.'),
  service_tiers: record('a map of shares by tier', z.string(), decimal('a number', 0, 100))
    .optional()
    .describe(
      'What a service tier costs, as a share of these prices: { flex: 0.5, priority: 2 }. By the tier that served, not the one asked for.',
    ),
});

export const schema = section('a map of settings such as "routes:"', {
  server: server.prefault({}).describe('Where the gateway listens.'),
  store: store.prefault({}).describe('Where records lie.'),
  recorder: recorder.prefault({}).describe('What is recorded, and how surely.'),
  state: section('a map such as { url: sqlite }', {
    url: z
      .string({ error: () => expecting('sqlite, or a URL such as redis://redis:6379') })
      .regex(/^(?:sqlite|rediss?:\/\/[^\s/]+.*)$/, { error: () => expecting('sqlite, or a URL such as redis://redis:6379') })
      .default('sqlite')
      .describe('Where budgets and limits are counted: a file of this gateway, or a Redis that several gateways share.'),
  })
    .prefault({})
    .describe('What several gateways share.'),
  telemetry: section('a map such as { otlp: http://127.0.0.1:4318 }', {
    otlp: url('http://127.0.0.1:4318').optional().describe('Base address of an OTLP/HTTP receiver of traces; off when absent.'),
  })
    .prefault({})
    .describe('Where traces go.'),
  flags: section('a map such as { provider: ./flags.js }', {
    provider: text('a module such as ./flags.js, or a package').describe(
      'A module or package whose default export is an OpenFeature provider for servers, or a function that makes one of `options`.',
    ),
    options: z.unknown().optional().describe('What the function is given.'),
    timeout: duration(1, 10_000).prefault('50ms').describe('How long a request waits for its flag.'),
  })
    .optional()
    .describe('Who answers the flags of routes.'),
  providers: record('a map of providers by name', name('the name of a provider'), provider)
    .default({})
    .describe('Who is asked, by the name that stands before the slash of a target. When absent, made from the environment.'),
  routes: record('a map of routes by name', name('the name of a route'), route)
    .default({})
    .describe('What callers may ask for by name: a target, a list of targets in order of fallback, or a map with `steps`.'),
  routing: routing.prefault({}).describe('What holds for all routes.'),
  models: record('a map of models by provider/model', z.string(), model)
    .default({})
    .describe('What models can do, by provider/model, before the built-in catalogue is asked.'),
  tenants: record('a map of tenants by name', name('the name of a tenant'), tenant)
    .default({})
    .describe('Who calls, and what each may ask.'),
  keys: list('a list of keys', key, 100_000).default([]).describe('Keys that callers must show; with none, nobody needs one.'),
  prices: record('a map of prices by provider/model', z.string(), price)
    .default({})
    .describe('What models cost, by provider/model, before the built-in table is asked.'),
});

export type Config = z.output<typeof schema>;
