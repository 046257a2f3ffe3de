/** What holds for all routes: the queue, the allowance of extra calls, and what models can do. */

import { queueDefault } from '../../core/targets/queue.ts';
import { retryBudgetDefault } from '../../core/targets/retry-budget.ts';
import { bytes, decimal, section, text, wholeNumber, yesOrNo } from './fields.ts';

const share = () => decimal('a number', 0, 1);

export const routing = section('a map such as { hedging: { share: 0.05 } }', {
  queue: section('a map such as { requests: 1000, bytes: 64MiB }', {
    requests: wholeNumber('a number', 0, 1_000_000)
      .default(queueDefault.countMax)
      .describe('Requests that may wait for rate limits at once.'),
    bytes: bytes(0, 2 ** 40)
      .prefault('64MiB')
      .describe('Size of all requests that wait.'),
  })
    .prefault({})
    .describe('The queue for targets whose rate limit is used up. When it is full, the next target is asked, or the caller gets a 429.'),
  retry_budget: section('a map such as { share: 0.2, per_second: 10 }', {
    share: share().default(retryBudgetDefault.retryShare).describe('Retries and fallbacks to each request, over the last ten seconds.'),
    per_second: decimal('a number', 0, 1_000_000).default(retryBudgetDefault.retriesPerSecond).describe('And as many a second on top.'),
  })
    .prefault({})
    .describe('How many calls failures may add, over everything. When it is spent, a failure is told at once.'),
  hedging: section('a map such as { share: 0.05, usd_per_hour: 1 }', {
    share: share().default(retryBudgetDefault.hedgeShare).describe('Hedges to each request.'),
    usd_per_hour: decimal('an amount in USD', 0, 1_000_000).optional().describe('What hedges may cost in an hour; no limit when absent.'),
  })
    .prefault({})
    .describe('How many calls `hedge_after` may add, over everything.'),
});

export const model = section('a map such as { context_window: 128000, vision: false }', {
  context_window: wholeNumber('a number of tokens', 1, 100_000_000).optional().describe('Tokens of request and answer together.'),
  tools: yesOrNo().optional().describe('It can call tools.'),
  vision: yesOrNo().optional().describe('It can see images.'),
  json_schema: yesOrNo().optional().describe('It keeps to a JSON Schema.'),
  region: text('a region such as eu').optional().describe("Where it runs, when not in its provider's region."),
});
