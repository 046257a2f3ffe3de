/** Sums over time, replay runs and their pairs. */
import { z } from 'zod';
import { read } from './contract.ts';
import { count, json, listOf, milliseconds, page, pageOnly, time, timeParameter, usd, word } from './fields.ts';

export const usageDimensions = ['tenant', 'project', 'key', 'route', 'provider', 'model', 'outcome'] as const;

export const usageQuery = z.strictObject({
  since: timeParameter('Begins then; 24h when absent.').optional(),
  until: timeParameter('Ends then; now when absent.').optional(),
  bucket: z
    .enum(['minute', 'hour', 'day', 'all'])
    .default('hour')
    .describe(
      'Length of a row’s time; `all` makes one row of the whole time. Minutes are kept for 35 days and have no `project` and `key`.',
    ),
  by: z
    .string()
    .regex(/^[a-z]+(?:,[a-z]+){0,3}$/, 'is no list of dimensions')
    .optional()
    .describe(`Up to four of ${usageDimensions.join(', ')}, with commas between.`),
  tenant: word('Only this tenant.').optional(),
  route: word('Only this route.').optional(),
  ...page,
});
export type UsageQuery = z.output<typeof usageQuery>;

const quantiles = (text: string) =>
  z
    .object({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() })
    .describe(`${text} Milliseconds; null without data.`);

export const usageRow = z
  .object({
    at: time('Begin of the row’s time.'),
    by: z.record(z.string(), z.string()).describe('Value of each requested dimension.'),
    requests: count('Requests.'),
    errors: count('Of these, not `ok`.'),
    input_tokens: count('Tokens of requests.'),
    cached_tokens: count("Of these, read from providers' caches."),
    output_tokens: count('Tokens of answers.'),
    cost_usd: usd('Of all attempts whose price is known.'),
    saved_usd: usd("What providers' caches saved."),
    cache_hits: count("Requests that read from a provider's cache."),
    escalations: count('Calls after an answer that was declined.'),
    latency_ms: quantiles('To the last byte.'),
    ttft_ms: quantiles('To the first content.'),
  })
  .meta({ id: 'Usage', description: 'Sums and quantiles of one span of time.' });
export type UsageRow = z.output<typeof usageRow>;

export const run = z
  .object({
    id: z.string(),
    kind: z.string().describe('`replay`, `simulation`, `import` or `gate`.'),
    state: z.string().describe('`planned`, `running`, `interrupted`, `finished` or `failed`.'),
    arms: z.array(z.string()),
    created_at: time('When it was started.'),
    finished_at: time('When it ended.').nullable(),
    config_hash: z.string(),
    selected: count('Requests to send.'),
    done: count('Asked so far.'),
    failed: count('Of these, without an answer.'),
    cost_usd: usd('Spent so far.'),
    manifest: json.describe('What is needed to repeat the run; null for viewers and in lists.'),
  })
  .meta({ id: 'Run', description: 'A replay run.' });
export type Run = z.output<typeof run>;

const side = z.object({
  id: z.string(),
  provider: z.string(),
  model: z.string(),
  outcome: z.string(),
  finish_reason: z.string(),
  latency_ms: milliseconds('To the last byte.'),
  ttft_ms: milliseconds('To the first content.').nullable(),
  input_tokens: count('Tokens of the request.'),
  output_tokens: count('Tokens of the answer.'),
  cost_usd: usd('Null when the price is not known.').nullable(),
  confidence: z.number().nullable(),
});

export const pair = z
  .object({
    arm: z.string(),
    repeat: count('From 0.'),
    tenant: z.string(),
    route: z.string(),
    recorded: side.nullable().describe('Null when the original is in no record.'),
    replayed: side,
    verdict: z.enum(['equivalent', 'different', 'undecided']).nullable().describe("A judge's; null when no judge was called."),
  })
  .meta({ id: 'Pair', description: 'A recorded answer beside the one that a run got.' });
export type Pair = z.output<typeof pair>;

const runPath = z.object({ id: word('Id of the run.') });

export const usageRoutes = {
  getUsage: read({
    path: '/usage',
    summary: 'Sum requests, tokens, cost and latency over time.',
    role: 'viewer',
    query: usageQuery,
    answer: listOf(usageRow),
  }),
  listRuns: read({
    path: '/runs',
    summary: 'List replay runs, the newest first.',
    role: 'viewer',
    sees: 'gateway',
    query: pageOnly,
    answer: listOf(run),
  }),
  getRun: read({ path: '/runs/{id}', summary: 'Show one run.', role: 'viewer', sees: 'gateway', params: runPath, answer: run }),
  listPairs: read({
    path: '/runs/{id}/pairs',
    summary: "List a run's answers beside the recorded ones, without their texts.",
    role: 'viewer',
    sees: 'gateway',
    params: runPath,
    query: z.strictObject({ arm: word('Only this arm.').optional(), ...page }),
    answer: listOf(pair),
  }),
};
