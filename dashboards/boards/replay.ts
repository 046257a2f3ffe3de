/** What yesterday's traffic did on tomorrow's routing. */
import type { Board } from '../board.ts';

export const replay: Board = {
  uid: 'hindcast-replay',
  title: 'Hindcast / Replay and evaluation',
  variables: ['datasource', 'tenant', 'run'],
  panels: [
    {
      title: 'Runs',
      description: 'Replays and imports of the range, whichever run is chosen.',
      query: 'replay/runs.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { cost: 'currencyUSD' },
    },
    {
      title: 'Arms of the run',
      description: 'Means over all answers; cost where the price is known, quality where it was scored.',
      query: 'replay/arms.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { answered: 'percentunit', cost: 'currencyUSD', p50_ms: 'ms', p95_ms: 'ms' },
    },
    {
      title: 'Against the originals',
      description:
        'The same requests as they went live; empty for imports. Whether a difference is one: `hindcast replay diff` and `hindcast eval gate`.',
      query: 'replay/originals.sql',
      type: 'table',
      unit: 'short',
      width: 12,
      columns: { live_cost: 'currencyUSD', cost: 'currencyUSD', live_p95_ms: 'ms', p95_ms: 'ms' },
    },
    {
      title: 'Outcomes by arm',
      description: 'What the arms ended in, and why where they failed.',
      query: 'replay/outcomes.sql',
      type: 'table',
      unit: 'short',
      width: 12,
    },
  ],
};
