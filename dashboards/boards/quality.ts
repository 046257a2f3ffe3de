/** Scores of callers, judges, rules and people over time. */
import type { Board } from '../board.ts';

export const quality: Board = {
  uid: 'hindcast-quality',
  title: 'Hindcast / Quality',
  variables: ['datasource', 'tenant', 'project', 'key', 'route', 'model', 'provider', 'environment', 'config', 'tag', 'console', 'traces'],
  panels: [
    {
      title: 'Scored share',
      description: 'Requests with at least one score.',
      query: 'quality/scored.sql',
      type: 'stat',
      unit: 'percentunit',
      width: 24,
    },
    {
      title: 'Mean score',
      description: 'By name and source: caller, judge, rule or human.',
      query: 'quality/scores.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Mean confidence by route',
      description: 'Of the accepted response.',
      query: 'quality/confidence.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Scores by model',
      description: 'By the model that answered.',
      query: 'quality/by_model.sql',
      type: 'table',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Finish reasons',
      description: 'Of successful requests.',
      query: 'quality/finish.sql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
      stacked: true,
    },
    {
      title: 'Worst scores',
      description: 'The id opens the exchange in the console.',
      query: 'quality/worst.sql',
      type: 'table',
      unit: 'short',
      width: 24,
    },
  ],
};
