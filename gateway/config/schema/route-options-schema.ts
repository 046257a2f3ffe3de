/** How a route chooses: its strategy, what it requires of targets, its variants, and what it asks besides. */
import { decimal, duration, list, oneOf, section, text, wholeNumber, yesOrNo } from './fields.ts';

const share = (what: string) => decimal('a number', 0, 1).describe(what);
const usdPerMillion = (what: string) => decimal('USD per million tokens', 0, 1_000_000).optional().describe(what);
const routeOrTarget = () => text('the name of a route, or provider/model');

export const strategies = ['order', 'weighted', 'cost', 'cheapest-capable', 'latency', 'sticky'] as const;

const require = section('a map such as { tools: true, context_window: 200000 }', {
  context_window: wholeNumber('a number of tokens', 1, 100_000_000).optional().describe('The least context window.'),
  tools: yesOrNo().optional().describe('It can call tools.'),
  vision: yesOrNo().optional().describe('It can see images.'),
  json_schema: yesOrNo().optional().describe('It keeps to a JSON Schema.'),
  region: list('a list of regions such as [eu]', text('a region such as eu'), 50)
    .min(1, { error: () => 'expected at least one region' })
    .optional()
    .describe('It runs in one of these: `region` of the provider or of `models`.'),
  input_price: usdPerMillion('The most that a million tokens of the request may cost, in USD.'),
  output_price: usdPerMillion('The most that a million tokens of the answer may cost, in USD.'),
});

const rollout = section('a map such as { stages: [0.01, 0.1, 1], every: 1h }', {
  stages: list('a list of shares such as [0.01, 0.1, 1]', decimal('a number', 0, 1), 20)
    .min(1, { error: () => 'expected at least one stage' })
    .default([0.01, 0.1, 1])
    .describe('The shares it takes, one after the other.'),
  every: duration(1000, 30 * 86_400_000)
    .prefault('1h')
    .describe('How long a stage lasts at least.'),
  requests: wholeNumber('a number', 1, 1_000_000).default(100).describe('How many of its requests a stage wants to have seen.'),
  max_error_rate: share('The most of its requests that may fail.').optional(),
  max_p95: duration(1, 86_400_000).optional().describe('The longest that 19 of 20 answers may take.'),
  max_cost_ratio: decimal('a number', 0, 1000)
    .optional()
    .describe('The most that a request may cost, to what it costs on the route itself.'),
});

const variant = section('a map such as { route: candidate, share: 0.1 }', {
  route: text('the name of a route').describe('The route that is taken instead.'),
  share: share(
    'Of the requests that it is meant for, the same for all of a conversation. Default 1 where it names tenants or keys, else 0.',
  ).optional(),
  tenants: list('a list of tenants', text('the name of a tenant'), 1000).optional().describe('Only for requests of these tenants.'),
  keys: list('a list of keys', text('the name of a key'), 1000).optional().describe('Only for requests with these keys, by name.'),
  rollout: rollout.optional().describe('Its share grows by stages, and falls to 0 when a bound is passed. Instead of `share`.'),
});

const shadow = section('a map such as { route: candidate, share: 0.1 }', {
  route: routeOrTarget().describe('A route, or provider/model.'),
  share: share('Of the requests. Default 1.').optional(),
});

export const routeOptions = {
  strategy: oneOf(strategies)
    .default('order')
    .describe(
      'How steps are ordered for a request: as written, by weight, by cost, by cost among those that can carry it, by latency and load, or by conversation.',
    ),
  require: require
    .optional()
    .describe('What a target must offer. Where this stands, targets that cannot carry the request are left out as well.'),
  max_price: decimal('an amount in USD', 0, 1_000_000)
    .optional()
    .describe('What a request may cost in USD, reckoned before it is asked: dearer targets are left out.'),
  slow_after: duration(1, 86_400_000)
    .optional()
    .describe('A target whose first content is likely to take longer, as it did lately, is asked after the others.'),
  queue_for: duration(0, 30_000)
    .optional()
    .describe(
      'Wait so long for a target whose rate limit is used up before another is asked. Default 0s; where no other lets a call in, up to 30s.',
    ),
  variants: list('a list such as [{ route: candidate, share: 0.1 }]', variant, 20)
    .optional()
    .describe('Other routes that take some of its requests.'),
  flag: text('the name of a feature flag')
    .optional()
    .describe(
      'A flag that is asked of `flags.provider` for each request: it names the route of a variant, or this route. Shares decide when it says neither.',
    ),
  shadow: list('a list such as [{ route: candidate, share: 0.1 }]', shadow, 10)
    .optional()
    .describe('Also asked, after the caller was answered; recorded as run `shadow`, seen by nobody.'),
  audit_probability: share(
    'Of the answers taken from a step before the last: the last step is asked as well, recorded as run `audit`.',
  ).optional(),
  certificate: text('a file such as certificate.json')
    .optional()
    .describe('What `hindcast eval certify -o certificate.json` wrote of its thresholds: a warning says when it no longer holds.'),
} as const;
