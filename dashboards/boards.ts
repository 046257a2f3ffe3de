/** What the dashboards show: each panel's question, its unit, and the file with its SQL. */

export interface Board {
  /** Stable: links and saved views point to it. */
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** As Grafana names it. */
  readonly unit: 'currencyUSD' | 'ms' | 's' | 'short' | 'percentunit' | 'bytes' | 'none';
  readonly type: 'stat' | 'timeseries' | 'table' | 'barchart';
  /** `queries/<name>.sql` */
  readonly query: string;
  /** Of 24 columns. */
  readonly width: 6 | 12 | 24;
}

const panel = (
  query: string,
  type: Panel['type'],
  unit: Panel['unit'],
  width: Panel['width'],
  title: string,
  description: string,
): Panel => ({
  title,
  description,
  unit,
  type,
  query,
  width,
});

/** Replayed traffic is in none of these but the last but one. */
export const boards: readonly Board[] = [
  {
    uid: 'hindcast-cost',
    title: 'Hindcast / Cost',
    panels: [
      panel('spend', 'stat', 'currencyUSD', 6, 'Spend', 'What all attempts cost, retries and losers of hedges included.'),
      panel(
        'unpriced',
        'stat',
        'short',
        6,
        'Requests without a price',
        'Their cost is unknown and in no sum: set prices in the configuration.',
      ),
      panel('tokens', 'timeseries', 'short', 12, 'Tokens', 'Input includes cached tokens, output includes reasoning.'),
      panel('cost_by_model', 'timeseries', 'currencyUSD', 24, 'Cost by model', 'By the model that answered.'),
    ],
  },
  {
    uid: 'hindcast-latency',
    title: 'Hindcast / Latency and reliability',
    panels: [
      panel('latency', 'timeseries', 'ms', 12, 'Latency', 'From arrival to the last byte, over all attempts.'),
      panel(
        'first_token',
        'timeseries',
        'ms',
        12,
        'Time to first token, p95',
        'From arrival to the first content that the caller was sent.',
      ),
      panel('outcomes', 'timeseries', 'short', 12, 'Requests by outcome', 'As the caller saw them.'),
      panel(
        'errors',
        'table',
        'short',
        12,
        'Failed attempts',
        'By provider, model and kind; a fallback may have hidden them from the caller.',
      ),
      panel('request_log', 'table', 'none', 24, 'Latest requests', 'The id finds the payloads, the trace id the spans.'),
    ],
  },
  {
    uid: 'hindcast-routing',
    title: 'Hindcast / Routing',
    panels: [
      panel(
        'escalation_rate',
        'timeseries',
        'percentunit',
        12,
        'Escalation rate',
        'Share of requests whose first answer was not sure enough.',
      ),
      panel('attempts_by_kind', 'timeseries', 'short', 12, 'Attempts by kind', 'Primary, retry, fallback, escalation, hedge.'),
      panel('confidence', 'barchart', 'short', 12, 'Confidence', 'Of answers whose confidence was measured.'),
      panel(
        'cached_tokens',
        'timeseries',
        'percentunit',
        12,
        'Prompt cache hit rate',
        'Cached tokens among input tokens, as the providers count them.',
      ),
    ],
  },
  {
    uid: 'hindcast-replay',
    title: 'Hindcast / Replay',
    panels: [panel('replay_arms', 'table', 'none', 24, 'Runs and their arms', 'What each arm answered, cost and took.')],
  },
  {
    uid: 'hindcast-recorder',
    title: 'Hindcast / Recorder',
    panels: [
      panel('tables', 'table', 'bytes', 12, 'Tables', 'Rows and bytes on disk.'),
      panel('ingest_lag', 'timeseries', 's', 12, 'Ingest lag', 'From arrival of a request until its row is in the store.'),
    ],
  },
];
