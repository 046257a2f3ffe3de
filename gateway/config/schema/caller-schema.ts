/** The schema of callers: tenants, keys, budgets and limits, and who is told of them. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import { z } from 'zod';
import { periods } from '../../core/money/period.ts';
import { webhookEvents } from '../../settings/settings.ts';
import { bytes, days, decimal, expecting, list, oneOf, record, secret, section, text, wholeNumber } from './fields.ts';

const budgetKeys = () => ({
  usd: decimal('USD', 0, 1_000_000).describe('The maximum spending in a period.'),
  per: oneOf(periods).default('month').describe('Hours, days, weeks (from Monday) and months are in UTC; `total` never resets.'),
  warn_at: decimal('a share from 0 to 1', 0, 1)
    .optional()
    .describe('Share of the budget whose spending is a warning: in the header `x-hindcast-budget-warning`, a metric and a webhook.'),
  unpriced: oneOf(['refuse', 'allow'])
    .default('refuse')
    .describe('A model with an unknown price: `refuse` it (400 price_unknown), or `allow` it and count it as free.'),
});

const bytesInFlight = () => ({
  bytes_in_flight: bytes(2 ** 20, 2 ** 40)
    .optional()
    .describe('Decoded bytes of bodies and answers under way in a process; a request beyond them is rejected (429).'),
});

const caps = <Extra extends z.ZodRawShape>(extra: Extra) => ({
  budget: section('a map such as { usd: 500, per: month }', budgetKeys())
    .optional()
    .describe('A request that may cost more than is left is rejected (429 budget_exceeded).'),
  limits: section('a map such as { rpm: 600, tpm: 1000000 }', {
    rpm: wholeNumber('requests per minute', 1, 1_000_000_000).optional().describe('Requests per minute.'),
    tpm: wholeNumber('tokens per minute', 1, 1_000_000_000_000).optional().describe('Tokens per minute, of request and response.'),
    rpd: wholeNumber('requests per day', 1, 1_000_000_000_000).optional().describe('Requests per day; they come back evenly over the day.'),
    tpd: wholeNumber('tokens per day', 1, 1_000_000_000_000_000).optional().describe('Tokens per day, of request and response.'),
    max_parallel: wholeNumber('requests at once', 1, 1_000_000).optional().describe('Requests in flight at once.'),
    ...extra,
  })
    .optional()
    .describe('A request beyond it is rejected (429 rate_limit_exceeded) with a retry-after.'),
});

/** `tag.k`, `provider`, `model`, `tenant`: a value or a list of them. */
const matchValue = z.union([text('a value'), list('a list of values', text('a value'), 1_000)], {
  error: () => expecting('a value, or a list of values'),
});

export const budgets = section('a map such as { name: research, match: { tag.team: research }, usd: 100 }', {
  name: text('a name')
    .max(100, { error: () => 'expected a name of at most 100 characters' })
    .describe('Its name, in messages and metrics.'),
  match: z
    .record(
      z.string().regex(/^(?:tenant|provider|model|tag\.[^.\s]{1,100})$/, { error: () => 'expected tenant, provider, model or tag.NAME' }),
      matchValue,
      { error: () => expecting('a map such as { provider: openai, tag.team: research }') },
    )
    .describe(
      'What it counts: `tenant`, `tag.NAME`, `provider` and `model` with a value or a list; all of them must fit. `model` may end with `*`.',
    ),
  ...budgetKeys(),
});

export const webhooks = section('a map such as { url: https://ops.example.com/hook }', {
  url: z
    .string({ error: () => expecting('a URL such as https://ops.example.com/hook') })
    .regex(/^https?:\/\/[^\s]+$/, { error: () => expecting('a URL such as https://ops.example.com/hook') })
    .describe('It gets a POST with JSON.'),
  secret: secret('a secret such as "${HOOK_SECRET}"')
    .optional()
    .describe('Signs each call: header `x-hindcast-signature: t=SECONDS,v1=HMAC`.'),
  events: list('a list of events', oneOf(webhookEvents), 10)
    .default([...webhookEvents])
    .describe('Of which it is told: `budget_warning`, `budget_exceeded`, `certificate_breached`.'),
});

const limitsByName = (what: string) =>
  record(`a map of ${what}s by name`, z.string().max(256), section('a map such as { budget: { usd: 5, per: day } }', caps({})))
    .optional()
    .describe(`Budgets and limits per ${what}, by name; \`*\` for every name not listed.`);

export const tenant = section('a map such as { routes: [fast, chat] }', {
  routes: list('a list of routes and targets', text('the name of a route, or provider/model'), 1000)
    .optional()
    .describe('Routes and targets it may use; all when absent, none when empty.'),
  retention: section('a map such as { records: 30, payloads: 7 }', {
    records: days("Days until one of this tenant's records is deleted.").optional(),
    payloads: days('Days until the bytes of its requests and responses are deleted.').optional(),
  })
    .optional()
    .describe("How long this tenant's records are kept; overrides `recorder.retention`."),
  ...caps(bytesInFlight()),
  projects: limitsByName('project'),
  users: limitsByName('user'),
});

export const key = section('a map such as { name: web, hash: "sha256:…" }', {
  name: text('a name')
    .max(100, { error: () => 'expected a name of at most 100 characters' })
    .describe('The name of the key, which records contain.'),
  hash: z
    .string({ error: () => 'expected "sha256:" and 64 hex digits' })
    .regex(/^sha256:[0-9a-fA-F]{64}$/, {
      error: () => 'expected "sha256:" and 64 hex digits: the sha256 of the whole key, as `hindcast keys create` prints it',
    })
    .describe('`sha256:` and the sha256 of the whole key in hex. `hindcast keys create NAME` creates a key.'),
  tenant: text('the name of a tenant')
    .default('default')
    .describe('The tenant it belongs to, one of `tenants`. In the admin API a key sees its own tenant only, and `*` sees all.'),
  project: z
    .string({ error: () => 'expected text' })
    .default('')
    .describe('The project of its requests, which records contain.'),
  user: z
    .string({ error: () => 'expected text' })
    .default('')
    .describe('The user of its requests, which records contain.'),
  role: oneOf(['caller', 'viewer', 'analyst', 'admin'])
    .default('caller')
    .describe(
      'What it may do in the admin API: `viewer` sees numbers, `analyst` also payloads and labels, `admin` also keys, audit and configuration.',
    ),
  ...caps(bytesInFlight()),
});
