/** Replay runs and their comparison with the original requests. */
import type { Board } from '../board.ts';

export const replay: Board = {
  uid: 'hindcast-replay',
  title: 'Hindcast / Replay and evaluation',
  variables: ['datasource', 'tenant', 'run'],
  panels: [
    {
      title: 'Runs',
      description: 'Replays and imports in the time range, whatever run is selected.',
      query: 'replay/runs.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { cost: 'currencyUSD' },
    },
    {
      title: 'Arms of the run',
      description: 'Means over all responses; cost where the price is known, quality where there are scores.',
      query: 'replay/arms.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { answered: 'percentunit', cost: 'currencyUSD', p50_ms: 'ms', p95_ms: 'ms' },
    },
    {
      title: 'Against the originals',
      description:
        'The same requests in live traffic; empty for imports. To test differences, use hindcast replay diff and hindcast eval gate.',
      query: 'replay/originals.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { live_cost: 'currencyUSD', cost: 'currencyUSD', live_p95_ms: 'ms', p95_ms: 'ms' },
    },
    {
      title: 'Outcomes by arm',
      description: 'Outcomes of the arms, with the reasons of failures.',
      query: 'replay/outcomes.sql',
      type: 'table',
      unit: 'short',
      width: 12,
    },
  ],
};
