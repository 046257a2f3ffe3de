/** The objectives of a route or a provider, which metrics and alerts compare with what happens. */
import { decimal, duration, section } from './fields.ts';

/** Optional: without objectives there is no alert about them. */
export const slo = () =>
  section('a map such as { p95: 10s, error_rate: 0.01 }', {
    p95: duration(1, 86_400_000).optional().describe('The objective for the 95th percentile of the response time.'),
    ttft_p95: duration(1, 86_400_000).optional().describe('The objective for the 95th percentile of the time to first token.'),
    error_rate: decimal('a number', 0, 1).optional().describe('The objective for the share of requests that fail.'),
  })
    .optional()
    .describe('Objectives: alerts fire when they are missed.');
