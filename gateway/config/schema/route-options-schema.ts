/** The options of a route: strategy, requirements, variants, flag, shadow traffic and audit. */
import { z } from 'zod';
import { decimal, duration, list, oneOf, section, text, wholeNumber, yesOrNo } from './fields.ts';
import { slo } from './slo-schema.ts';

const share = (what: string) => decimal('a number', 0, 1).describe(what);
const usdPerMillion = (what: string) => decimal('USD per million tokens', 0, 1_000_000).optional().describe(what);
const routeOrTarget = () => text('the name of a route, or provider/model');

export const strategies = ['order', 'weighted', 'cost', 'cheapest-capable', 'latency', 'sticky'] as const;

const require = section('a map such as { tools: true, context_window: 200000 }', {
  context_window: wholeNumber('a number of tokens', 1, 100_000_000).optional().describe('The minimum context window, in tokens.'),
  tools: yesOrNo().optional().describe('The model supports tools.'),
  vision: yesOrNo().optional().describe('The model supports images.'),
  json_schema: yesOrNo().optional().describe('The model supports JSON Schema output.'),
  region: list('a list of regions such as [eu]', text('a region such as eu'), 50)
    .min(1, { error: () => 'expected at least one region' })
    .optional()
    .describe('The model runs in one of these regions: `region` of the provider or of `models`.'),
  input_price: usdPerMillion('The maximum price of a million input tokens, in USD.'),
  output_price: usdPerMillion('The maximum price of a million output tokens, in USD.'),
});

const rollout = section('a map such as { stages: [0.01, 0.1, 1], every: 1h }', {
  stages: list('a list of shares such as [0.01, 0.1, 1]', decimal('a number', 0, 1), 20)
    .min(1, { error: () => 'expected at least one stage' })
    .default([0.01, 0.1, 1])
    .describe('The shares of the stages, in order.'),
  every: duration(1000, 30 * 86_400_000)
    .prefault('1h')
    .describe('The minimum duration of a stage.'),
  requests: wholeNumber('a number', 1, 1_000_000).default(100).describe('The minimum number of its requests in a stage.'),
  max_error_rate: share('The maximum share of its requests that fail.').optional(),
  max_p95: duration(1, 86_400_000).optional().describe('The maximum 95th percentile of the response time.'),
  max_cost_ratio: decimal('a number', 0, 1000).optional().describe("The maximum cost of a request, as a ratio to the route's own."),
});

const variant = section('a map such as { route: candidate, share: 0.1 }', {
  route: text('the name of a route').describe('The route that is used instead.'),
  share: share('Share of the matching requests, the same for a whole conversation. Default 1 with tenants or keys, else 0.').optional(),
  tenants: list('a list of tenants', text('the name of a tenant'), 1000).optional().describe('Matches requests of these tenants only.'),
  keys: list('a list of keys', text('the name of a key'), 1000).optional().describe('Matches requests with these keys only, by name.'),
  rollout: rollout.optional().describe('The share grows in stages, and falls to 0 when a limit is exceeded. Replaces `share`.'),
});

const shadow = section('a map such as { route: candidate, share: 0.1 }', {
  route: routeOrTarget().describe('A route, or provider/model.'),
  share: share('Share of the requests. Default 1.').optional(),
});

const certificateFile = text('a file such as certificate.json');
const certificate = z.union([
  certificateFile,
  section('a file such as certificate.json, or a map such as { file: certificate.json, monitor: audit }', {
    file: certificateFile.describe('The certificate, from `hindcast eval certify -o certificate.json`.'),
    monitor: oneOf(['audit'])
      .optional()
      .describe('Watch the harm that audits of the route show, with `hindcast eval watch`. Needs `audit_probability`.'),
    on_breach: oneOf(['warn', 'strict'])
      .default('warn')
      .describe('When the audits show more harm than certified: say so, or also set all thresholds of the route to `strict`.'),
    score: text('the name of a score').optional().describe('The scores that tell harm. Default: what the certificate was made with.'),
    strict: decimal('a number', 0, 1)
      .optional()
      .describe('The threshold after a breach, until a new certificate is issued. Default: no answer before the last step is accepted.'),
  }),
]);
export type CertificateEntry = z.infer<typeof certificate>;

export const routeOptions = {
  strategy: oneOf(strategies)
    .default('order')
    .describe(
      'How steps are ordered: as written, by weight, by cost, by cost among capable targets, by latency (power of two choices on TTFT x requests in flight), or by conversation.',
    ),
  require: require.optional().describe('What a target must support. With it, targets that cannot carry the request are left out as well.'),
  max_price: decimal('an amount in USD', 0, 1_000_000)
    .optional()
    .describe('The maximum estimated cost of a request, in USD. Targets that would cost more are left out.'),
  slow_after: duration(1, 86_400_000).optional().describe('Targets with a longer expected time to first token are tried last.'),
  queue_for: duration(0, 30_000)
    .optional()
    .describe(
      'How long a request waits for a rate-limited target before the next target is tried. Default 0s; without another target, up to 30s.',
    ),
  variants: list('a list such as [{ route: candidate, share: 0.1 }]', variant, 20)
    .optional()
    .describe('Other routes that get a share of its requests.'),
  flag: text('the name of a feature flag')
    .optional()
    .describe(
      'A flag that `flags.provider` evaluates for each request: it names the route of a variant, or this route. Otherwise shares decide.',
    ),
  shadow: list('a list such as [{ route: candidate, share: 0.1 }]', shadow, 10)
    .optional()
    .describe('Shadow traffic: sent after the response, recorded as run `shadow`, invisible to the caller.'),
  audit_probability: share(
    'Share of the responses accepted before the last step that are also sent to the last step, recorded as run `audit`.',
  ).optional(),
  slo: slo(),
  certificate: certificate
    .optional()
    .describe('The certificate of its thresholds, from `hindcast eval certify -o certificate.json`. A warning says when it has expired.'),
} as const;
