/** Which way requests go, and why they leave the first one. */
import type { Board } from '../board.ts';

export const routing: Board = {
  uid: 'hindcast-routing',
  title: 'Hindcast / Routing and fallbacks',
  variables: ['datasource', 'tenant'],
  panels: [
    {
      title: 'Who answers',
      description: 'Requests by the target whose answer was kept, or that failed last.',
      query: 'routing/targets.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
      stacked: true,
    },
    {
      title: 'Escalation rate',
      description: 'Answers declined for another target, per request, by route.',
      query: 'routing/escalation_rate.sql',
      type: 'timeseries',
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Attempts by kind',
      description: 'Primary, retry, fallback, escalation, hedge.',
      query: 'routing/kinds.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
      stacked: true,
    },
    {
      title: 'Attempts of a request',
      description: 'How many requests took one attempt, two, three and so on.',
      query: 'routing/depth.sql',
      type: 'barchart',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Confidence of first answers',
      description: 'Where it was measured, in steps of 0.05.',
      query: 'routing/confidence.sql',
      type: 'barchart',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Share below a threshold',
      description:
        'First answers that would escalate if this confidence were asked of them. For cost and quality as well: `hindcast eval sweep`.',
      query: 'routing/thresholds.sql',
      type: 'barchart',
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Waits of the slowest 5 %',
      description:
        'Of requests that waited: in the queue for a used-up limit, and with content at hand that was held back until it was judged.',
      query: 'routing/waits.sql',
      type: 'timeseries',
      unit: 'ms',
      width: 24,
    },
    {
      title: 'Why there was another attempt',
      description: 'By kind and reason, with the target that was asked instead and how often it helped.',
      query: 'routing/reasons.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { answered: 'percentunit' },
    },
  ],
};
