/** What prompt caches of providers save, and where more could be saved. */
import type { Board } from '../board.ts';

export const cache: Board = {
  uid: 'hindcast-cache',
  title: 'Hindcast / Cache',
  variables: ['datasource', 'tenant'],
  panels: [
    {
      title: 'Prompt cache hit rate',
      description: 'Cached tokens among input tokens, as the providers count them, by model.',
      query: 'cache/hit_rate.sql',
      type: 'timeseries',
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Input tokens by cache',
      description: 'Read from the cache, written to it at a higher price, or neither.',
      query: 'cache/tokens.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
      stacked: true,
    },
    {
      title: 'Saved by prompt caches',
      description:
        'What input read from caches would have cost beside what it did, less what writing to them cost more; by list prices, in whole hours.',
      query: 'cache/saved.sql',
      type: 'stat',
      unit: 'currencyUSD',
      width: 8,
    },
    {
      title: 'Spent on repeated prompts',
      description: 'What answers cost beyond the first one to the same prompt: the most that a cache of answers could save.',
      query: 'cache/repeated_cost.sql',
      type: 'stat',
      unit: 'currencyUSD',
      width: 8,
    },
    {
      title: 'Repeated prompts',
      description: 'Share of answered requests whose prompt had been answered before within the range.',
      query: 'cache/repeated_share.sql',
      type: 'stat',
      unit: 'percentunit',
      width: 8,
    },
    {
      title: 'Requests that read from a cache',
      description: 'Share of requests for which a provider read some of the input from its prompt cache, by route.',
      query: 'cache/hits.sql',
      type: 'timeseries',
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Fresh input by route',
      description: 'Where most input tokens come from no cache: stable prefixes first in the prompt help there.',
      query: 'cache/by_route.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { hit_rate: 'percentunit', saved: 'currencyUSD' },
    },
    {
      title: 'Most repeated prompts',
      description: 'The id is that of one request with this prompt.',
      query: 'cache/repeated.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { cost: 'currencyUSD' },
    },
  ],
};
