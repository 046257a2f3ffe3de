/** The recorder: lost records, backlog, ingest lag and table sizes. */
import type { Board } from '../board.ts';

export const recorder: Board = {
  uid: 'hindcast-recorder',
  title: 'Hindcast / Recorder',
  variables: ['datasource', 'prometheus'],
  panels: [
    {
      title: 'Records lost',
      description: 'Dropped because the spool was full, corrupted on disk, or rejected by the store.',
      query: 'recorder/lost.promql',
      type: 'stat',
      unit: 'short',
      width: 6,
      alarming: true,
    },
    {
      title: 'Gateways that reject requests',
      description: 'They reject every request because records cannot be written.',
      query: 'recorder/refusing.promql',
      type: 'stat',
      unit: 'short',
      width: 6,
      alarming: true,
    },
    {
      title: 'Exchanges written per second',
      description: 'Written to the store, by gateway.',
      query: 'recorder/written.promql',
      type: 'timeseries',
      unit: 'short',
      width: 12,
    },
    {
      title: 'Spool',
      description: 'Bytes on disk that are not in the store yet.',
      query: 'recorder/spool.promql',
      type: 'timeseries',
      unit: 'bytes',
      width: 8,
    },
    {
      title: 'Oldest record in the spool',
      description: 'Its age: the time it has waited for the store.',
      query: 'recorder/oldest.promql',
      type: 'timeseries',
      unit: 's',
      width: 8,
    },
    {
      title: 'Ingest lag',
      description: 'Maximum time from the arrival of a request until its row is in the store.',
      query: 'recorder/ingest_lag.sql',
      type: 'timeseries',
      unit: 's',
      width: 8,
    },
    {
      title: 'Tables',
      description: 'Rows and bytes on disk.',
      query: 'recorder/tables.sql',
      type: 'table',
      unit: 'short',
      width: 24,
      columns: { bytes: 'bytes', bytes_per_row: 'bytes' },
    },
  ],
};
