/** Settings for all routes: the queue, the retry budget, hedging, and the features of models. */

import { queueDefault } from '../../core/targets/queue.ts';
import { retryBudgetDefault } from '../../core/targets/retry-budget.ts';
import { bytes, decimal, list, section, text, wholeNumber, yesOrNo } from './fields.ts';

const share = () => decimal('a number', 0, 1);

export const routing = section('a map such as { hedging: { share: 0.05 } }', {
  queue: section('a map such as { requests: 1000, bytes: 64MiB }', {
    requests: wholeNumber('a number', 0, 1_000_000)
      .default(queueDefault.countMax)
      .describe('Maximum number of requests waiting for rate limits.'),
    bytes: bytes(0, 2 ** 40)
      .prefault('64MiB')
      .describe('Maximum size of all waiting requests.'),
  })
    .prefault({})
    .describe('The queue for rate-limited targets. When it is full, the next target is tried, or the caller gets a 429.'),
  retry_budget: section('a map such as { share: 0.2, per_second: 10 }', {
    share: share().default(retryBudgetDefault.retryShare).describe('Retries and fallbacks per request, over the last ten seconds.'),
    per_second: decimal('a number', 0, 1_000_000)
      .default(retryBudgetDefault.retriesPerSecond)
      .describe('Additional retries and fallbacks per second.'),
  })
    .prefault({})
    .describe('How many retries and fallbacks are allowed, over all routes. Beyond that, a failure is returned at once.'),
  hedging: section('a map such as { share: 0.05, usd_per_hour: 1 }', {
    share: share().default(retryBudgetDefault.hedgeShare).describe('Hedges per request.'),
    usd_per_hour: decimal('an amount in USD', 0, 1_000_000)
      .optional()
      .describe('The maximum cost of hedges per hour; no limit when absent.'),
  })
    .prefault({})
    .describe('How many hedges `hedge_after` may start, over all routes.'),
  content_urls: section('a map such as { allow: [files.local:8080] }', {
    allow: list('a list of hosts', text('a host such as 10.0.0.7 or files.localhost:8080'), 1_000)
      .default([])
      .describe('Hosts at loopback or private addresses that images and files may be at, with a port or for any port.'),
  })
    .prefault({})
    .describe(
      'Images and files by URL. Loopback, private and metadata addresses are refused (`url_not_allowed`) unless listed. Names are not looked up.',
    ),
});

export const model = section('a map such as { context_window: 128000, vision: false }', {
  context_window: wholeNumber('a number of tokens', 1, 100_000_000).optional().describe('Tokens of request and response together.'),
  tools: yesOrNo().optional().describe('The model supports tools.'),
  vision: yesOrNo().optional().describe('The model supports images.'),
  json_schema: yesOrNo().optional().describe('The model supports JSON Schema output.'),
  region: text('a region such as eu').optional().describe("Where the model runs, when not in its provider's region."),
});
