/** Exchanges: a list, one with its attempts, its payload, those in flight, and the live tail. */
import { z } from 'zod';
import { change, read } from './contract.ts';
import { confidence, count, id, idPath, json, listOf, milliseconds, page, time, timeParameter, tokens, usd, word } from './fields.ts';

export const outcomes = [
  'ok',
  'client_error',
  'upstream_error',
  'timeout',
  'cancelled',
  'rate_limited',
  'budget',
  'internal',
  'truncated',
] as const;

/** What can be said of a finished exchange without its text: filters of the list and of the tail. */
const filters = {
  route: word('Name of the route.').optional(),
  model: word('Model that answered, or that was requested.').optional(),
  provider: word('Account of the provider that answered.').optional(),
  tenant: word('Tenant of the caller.').optional(),
  project: word('Project of the caller.').optional(),
  key: word("Name of the caller's key.").optional(),
  user: word('End user.').optional(),
  conversation: word('Id of the conversation.').optional(),
  outcome: z.enum(outcomes).optional().describe('How the exchange ended.'),
  error_type: word('Kind of failure, such as `rate_limited`.').optional(),
  tag: z
    .string()
    .regex(/^[^=]{1,128}=.{0,256}$/s, 'is no tag: write it as name=value')
    .optional()
    .describe('`name=value` of a tag.'),
  min_cost_usd: z.coerce.number().min(0).optional().describe('Least cost. USD.'),
  min_latency_ms: z.coerce.number().min(0).optional().describe('Least time to the last byte. Milliseconds.'),
};

export const tailQuery = z.strictObject(filters);
export type TailFilter = z.output<typeof tailQuery>;

export const exchangesQuery = z.strictObject({
  since: timeParameter('Arrived then or later.').optional(),
  until: timeParameter('Arrived before then.').optional(),
  ...filters,
  text: word('Words of the request or the answer; needs the role `analyst`.').optional(),
  run: word('Replayed traffic of this run, in place of live traffic.').optional(),
  sort: z
    .enum(['time', 'cost', 'latency'])
    .default('time')
    .describe('The newest, the dearest or the slowest first; but for `time` there is one page.'),
  ...page,
});
export type ExchangesQuery = z.output<typeof exchangesQuery>;

const summary = {
  id,
  received_at: time('When the request arrived.'),
  tenant: z.string(),
  project: z.string(),
  key: z.string().describe("Name of the caller's key; empty without keys."),
  user: z.string().describe('End user.'),
  conversation: z.string(),
  route: z.string(),
  variant: z.string(),
  operation: z.string().describe('`chat`, `embeddings`, …'),
  dialect: z.string().describe("The caller's wire format."),
  requested_model: z.string(),
  provider: z.string().describe('Account that answered, or was tried last.'),
  model: z.string(),
  stream: z.boolean(),
  status: count('HTTP status the caller saw; 0 when it left before any.'),
  outcome: z.enum(outcomes),
  error_type: z.string(),
  finish_reason: z.string(),
  attempts: count('Calls of providers.'),
  fallbacks: count('Of these, after a failure.'),
  escalations: count('Of these, after an answer that was declined.'),
  hedged: z.boolean(),
  confidence,
  latency_ms: milliseconds('From arrival to the last byte.'),
  ttft_ms: milliseconds('From arrival to the first content.').nullable(),
  ...tokens,
  cost_usd: usd('Of all attempts; null when a price is not known.').nullable(),
  cache: z.string().describe("Of the providers' prompt caches: `hit`, `miss` or `none`."),
  tags: z.record(z.string(), z.string()),
};

export const exchangeSummary = z.object(summary).meta({ id: 'ExchangeSummary', description: 'One finished exchange, as lists show it.' });
export type ExchangeSummary = z.output<typeof exchangeSummary>;

export const attempt = z
  .object({
    number: count('From 1, in the order they were started.'),
    kind: z.string().describe('`primary`, `retry`, `fallback`, `escalation`, `hedge`, `shadow` or `judge`.'),
    step: count('Step of the route.'),
    reason: z.string().describe('Why it was started; empty for the first.'),
    target: z.string(),
    provider: z.string(),
    model: z.string(),
    served_model: z.string(),
    credential: z.string().describe("Fingerprint of the provider's key."),
    status: count("The provider's HTTP status; 0 when there was none."),
    outcome: z.string().describe('`ok`, `aborted` or the kind of failure.'),
    error_type: z.string(),
    error_message: z.string().nullable().describe('null for viewers: it may hold words of the payload.'),
    finish_reason: z.string(),
    provider_request_id: z.string(),
    accepted: z.boolean(),
    confidence,
    signals: z.record(z.string(), z.number()),
    started_ms: milliseconds('After the arrival of the request.'),
    ttfb_ms: milliseconds('After its start: response headers.').nullable(),
    ttft_ms: milliseconds('After its start: first content.').nullable(),
    duration_ms: milliseconds('From its start to its end.'),
    chunks: count('Pieces in which the answer arrived.'),
    request_bytes: count('Bytes sent.'),
    response_bytes: count('Bytes received.'),
    ...tokens,
    cost_usd: usd('Null when the price is not known.').nullable(),
    price_id: z.string(),
    warnings: z.array(z.string()),
    flags: z.array(z.string()),
  })
  .meta({ id: 'Attempt', description: 'One call of a provider.' });
export type Attempt = z.output<typeof attempt>;

export const score = z
  .object({
    name: z.string(),
    source: z.string().describe('`rule`, `judge`, `human`, `client` or `eval`.'),
    value: z.number(),
    label: z.string().nullable().describe('null for viewers.'),
    explanation: z.string().nullable().describe('null for viewers.'),
    evaluator: z.string(),
  })
  .meta({ id: 'Score', description: 'A judgement of an answer.' });

export const exchange = z
  .object({
    ...summary,
    trace_id: z.string(),
    caller_request_id: z.string(),
    config_hash: z.string(),
    response_model: z.string(),
    error_message: z.string().nullable().describe('null for viewers: it may hold words of the payload.'),
    upstream_ms: milliseconds('Time in which an attempt was under way.'),
    overhead_us: count('Time the gateway itself took. Microseconds.'),
    queued_ms: milliseconds('Waited for rate limits of providers.'),
    held_ms: milliseconds('Content lay ready before it was allowed out.'),
    saved_usd: usd("What the provider's cache saved."),
    price_id: z.string(),
    usage_source: z.string().describe('`provider`, `estimated` or `none`.'),
    request_bytes: count('Bytes of the request.'),
    response_bytes: count('Bytes of the answer.'),
    delivered_sha256: z.string().describe('Hex, of the bytes the caller was sent.'),
    delivered_events: count('Pieces in which they were sent.'),
    payload_state: z.string().describe('`none`, `stored`, `redacted`, `object` or `dropped`.'),
    run: z.string(),
    arm: z.string(),
    replay_of: z.string(),
    warnings: z.array(z.string()),
    flags: z.array(z.string()),
    policy: json.describe("The route's policy when the request arrived."),
    events: json.describe("The router's log; null for viewers."),
    attempt_list: z.array(attempt),
    scores: z.array(score),
  })
  .meta({ id: 'Exchange', description: 'One exchange with every attempt.' });
export type ExchangeDetail = z.output<typeof exchange>;

export const payload = z
  .object({
    id,
    attempt: count('0 is what the caller sent and was sent; others are attempts.'),
    request: z.string(),
    response: z.string(),
    encoding: z.enum(['utf8', 'base64']).describe('Of `request` and `response`: base64 when one of them is no UTF-8.'),
    request_headers: z.record(z.string(), z.string()).describe('Never a credential.'),
    chunks: z.array(z.tuple([z.number(), z.number()])).describe("Milliseconds after the attempt's start, bytes."),
    redactions: count('What was taken out before it was stored.'),
    truncated: z.boolean(),
  })
  .meta({ id: 'Payload', description: 'The bytes of a request and its answer.' });
export type Payload = z.output<typeof payload>;

export const inFlight = z
  .object({
    id,
    received_at: time('When the request arrived.'),
    age_ms: milliseconds('Since then.'),
    tenant: z.string(),
    project: z.string(),
    key: z.string(),
    user: z.string(),
    route: z.string(),
    requested_model: z.string(),
    dialect: z.string(),
    stream: z.boolean(),
    worker: count('Process that answers it.'),
  })
  .meta({ id: 'InFlight', description: 'A request that is being answered.' });
export type InFlight = z.output<typeof inFlight>;

export const tailEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('exchange'), exchange: exchangeSummary }),
  z.object({ type: z.literal('dropped'), count: count('Exchanges that were left out: a worker shows 20 a second.') }),
]);
export type TailEvent = z.output<typeof tailEvent>;

export const exchangeRoutes = {
  listExchanges: read({
    path: '/exchanges',
    summary: 'List finished exchanges, the newest first.',
    role: 'viewer',
    query: exchangesQuery,
    answer: listOf(exchangeSummary),
  }),
  getExchange: read({
    path: '/exchanges/{id}',
    summary: 'Show one exchange with every attempt.',
    role: 'viewer',
    params: idPath,
    answer: exchange,
  }),
  getPayload: read({
    path: '/exchanges/{id}/payload',
    summary: 'Show the bytes of a request and its answer.',
    role: 'analyst',
    audited: 'payload-viewed',
    params: idPath,
    query: z.strictObject({
      attempt: z.coerce.number().int().min(0).max(255).default(0).describe('0 is the caller; others are attempts.'),
    }),
    answer: payload,
  }),
  listInFlight: read({
    path: '/in-flight',
    summary: 'List the requests that all workers of this gateway are answering.',
    role: 'viewer',
    answer: listOf(inFlight),
  }),
  tail: read({
    path: '/tail',
    summary: 'Stream exchanges of this gateway as they finish.',
    description:
      'Server-sent events. Each worker shows at most 20 exchanges a second; `dropped` counts those left out. A comment every 10 s keeps it alive.',
    role: 'viewer',
    query: tailQuery,
    answer: tailEvent,
    streams: true,
  }),
  addLabel: change({
    method: 'POST',
    path: '/labels',
    summary: "Store a person's judgement of an answer.",
    description: 'Takes the place of the same key’s earlier label of the same name.',
    role: 'analyst',
    audited: 'label-written',
    body: z.strictObject({
      exchange: id,
      name: z
        .string()
        .regex(/^[\w.-]{1,64}$/, 'is no name: 1 to 64 letters, digits, _ . or -')
        .default('quality'),
      value: z.number().min(0).max(1).describe('From 0, wrong, to 1, right.'),
      explanation: z.string().max(4_000).default(''),
    }),
    answer: z.object({ exchange: id, name: z.string(), value: z.number(), evaluator: z.string() }),
  }),
  listLabels: read({
    path: '/labels',
    summary: "List people's judgements, the newest exchanges first.",
    role: 'viewer',
    query: z.strictObject({ name: word('Name of the score.').optional(), exchange: id.optional(), ...page }),
    answer: listOf(
      z
        .object({
          exchange: id,
          received_at: time('When the request arrived.'),
          tenant: z.string(),
          name: z.string(),
          value: z.number(),
          evaluator: z.string(),
          explanation: z.string().nullable().describe('null for viewers.'),
        })
        .meta({ id: 'Label', description: "A person's judgement of an answer." }),
    ),
  }),
};
